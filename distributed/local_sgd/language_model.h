#pragma once

#include <ATen/ATen.h>

#include "distributed/local_sgd/autocast_guard.h"
#include "distributed/local_sgd/language_task.h"

namespace quasar {

/// A language network on flat buffers, in the task's precision.
class LanguageModel {
 public:
  explicit LanguageModel(const LanguageTask& task)
      : task_(task),
        type_(task.precision == NetworkPrecision::float64 ? at::kDouble : at::kFloat),
        network_(make_on_device(task)),
        flat(*network_, type_, /*channels_last=*/false) {}

  /// On the task's device.
  struct Tokens {
    at::Tensor inputs;   ///< (b, context)
    at::Tensor targets;  ///< (b context): the tokens after them
  };

  Tokens to_device(const at::Tensor& windows) const {
    const std::int64_t context = windows.size(1) - 1;
    return {windows.slice(1, 0, context).contiguous().to(task_.device),
            windows.slice(1, 1).reshape({-1}).to(task_.device)};
  }

  /// An uninitialised batch of windows (b, context + 1) on the host.
  at::Tensor make_windows(std::int64_t count) const { return at::empty({count, task_.sets->context + 1}, at::kLong); }

  /// (b context, vocabulary)
  at::Tensor logits(const at::Tensor& inputs) {
    const AutocastGuard autocast(task_.precision, task_.device.type());
    return network_->forward(inputs).flatten(0, 1).to(type_);
  }

  LanguageNetwork& network() { return *network_; }

 private:
  static std::shared_ptr<LanguageNetwork> make_on_device(const LanguageTask& task) {
    auto network = make_language_network(task.network, task.seed);
    network->to(task.device);
    return network;
  }

  const LanguageTask task_;
  at::ScalarType type_;
  std::shared_ptr<LanguageNetwork> network_;

 public:
  FlatParameters flat;
};

}  // namespace quasar
