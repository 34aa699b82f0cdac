#pragma once

#include <cmath>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

namespace quasar {

/// The formula of network_references.py.
inline at::Tensor pattern(at::IntArrayRef shape, std::int64_t number) {
  const at::Tensor i = at::arange(c10::multiply_integers(shape), at::kLong);
  const at::Tensor mixed = i.mul(i).remainder(1009).mul(31).add(i.mul(17)).add(number * 101).remainder(1009);
  return mixed.to(at::kDouble).view(shape).div(504.0).sub(1.0);
}

/// Turns all parameters into patterns, in double.
inline void fill(torch::nn::Module& network) {
  network.to(at::kDouble);
  const at::NoGradGuard no_grad;
  std::int64_t number = 0;
  for (const auto& item : network.named_parameters()) {
    at::Tensor p = item.value();
    const at::Tensor values = pattern(p.sizes(), number++);
    if (p.dim() > 1)
      p.copy_(values * std::sqrt(2.0 * static_cast<double>(p.size(0)) / static_cast<double>(p.numel())));
    else
      p.copy_(values * 0.2 + (item.key().ends_with("weight") ? 1.0 : 0.0));
  }
}

}  // namespace quasar
