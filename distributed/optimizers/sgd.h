#pragma once

#include <vector>

#include <ATen/ATen.h>

namespace quasar {

/// SGD over one flat buffer in one pass: u <- b u + g, theta <- theta - eta u (PyTorch's form), g <- 0.
///
/// For networks so small that dispatching a kernel shows (optimizer.h: 2 us a step). A learning rate that changes needs
/// no momentum correction in this form.
/// cost  reads and writes theta and g once (and u, if b > 0); 2 (4) operations per element
template <class Real>
class SgdLoop {
 public:
  explicit SgdLoop(double momentum) : momentum_(static_cast<Real>(momentum)) {}

  /// Not checked: that both are contiguous, of type Real and of one size.
  void step(at::Tensor& parameters, at::Tensor& gradient, double learning_rate) {
    Real* theta = parameters.data_ptr<Real>();
    Real* g = gradient.data_ptr<Real>();
    const auto rate = static_cast<Real>(learning_rate);
    const auto size = static_cast<std::size_t>(parameters.numel());
    if (momentum_ == Real{0}) {
      for (std::size_t i = 0; i < size; ++i) theta[i] -= rate * g[i], g[i] = 0;
      return;
    }
    velocity_.resize(size, Real{0});
    for (std::size_t i = 0; i < size; ++i) {
      velocity_[i] = momentum_ * velocity_[i] + g[i];
      theta[i] -= rate * velocity_[i];
      g[i] = 0;
    }
  }

 private:
  Real momentum_;
  std::vector<Real> velocity_;
};

}  // namespace quasar
