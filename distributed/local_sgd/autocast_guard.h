#pragma once

#include <ATen/autocast_mode.h>

#include "distributed/local_sgd/training_task.h"

namespace quasar {

/// Forward passes run in bfloat16 while it lives, where the task says so.
class AutocastGuard {
 public:
  AutocastGuard(NetworkPrecision precision, at::DeviceType device)
      : active_(precision == NetworkPrecision::bfloat16), device_(device) {
    if (!active_) return;
    at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::set_autocast_enabled(device_, true);
  }
  ~AutocastGuard() {
    if (!active_) return;
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(device_, false);
  }
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  bool active_;
  at::DeviceType device_;
};

}  // namespace quasar
