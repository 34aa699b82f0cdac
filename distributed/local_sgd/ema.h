#pragma once

#include <ATen/core/Tensor.h>

namespace quasar {

/// Exponential moving average of the parameters: s <- d s + (1 - d) theta, from s = theta at the start.
class Ema {
 public:
  Ema(double decay, const at::Tensor& values) : decay_(decay), average_(values.detach().clone()) {}

  void update(const at::Tensor& values) { average_.lerp_(values, 1.0 - decay_); }
  const at::Tensor& average() const { return average_; }

  /// visit(name, tensor) for the state, `ema`.
  template <class Visit>
  void visit_state(const Visit& visit) {
    visit("ema", average_);
  }

 private:
  double decay_;
  at::Tensor average_;
};

}  // namespace quasar
