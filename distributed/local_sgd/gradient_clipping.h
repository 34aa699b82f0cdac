#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/linalg_vector_norm.h>

namespace quasar {

struct Clipping {
  double norm;  ///< before clipping
  bool clipped;
};

/// g <- g min(1, max_norm / (|g| + 1e-6)), over all parameters together, as PyTorch's clip_grad_norm_ does.
///
/// max_norm  infinity only measures the norm
inline Clipping clip_gradient(at::Tensor& gradients, double max_norm) {
  constexpr double kGuard = 1e-6;
  const double norm = at::linalg_vector_norm(gradients).item<double>();
  const double factor = max_norm / (norm + kGuard);
  // Written so that a norm that is not a number does not pass for clipped.
  const bool clipped = factor < 1.0;
  if (clipped) gradients.mul_(factor);
  return {norm, clipped};
}

}  // namespace quasar
