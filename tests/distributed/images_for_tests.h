#pragma once

#include <cstdint>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/random.h"
#include "distributed/networks/image_network.h"

namespace quasar {

/// Standard normals that depend on the number alone.
inline at::Tensor numbered_normals(at::IntArrayRef shape, std::uint64_t number, at::ScalarType type = at::kFloat) {
  at::Tensor tensor = at::empty(shape, at::kDouble);
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    float z[4];
    normals({.seed = number, .use = Use::toy_noise, .replica = 0, .step = static_cast<std::uint64_t>(i)}, z);
    tensor.data_ptr<double>()[i] = z[0];
  }
  return tensor.to(type);
}

inline at::Tensor cyclic_labels(std::int64_t count, std::int64_t classes) {
  return at::arange(count, at::kLong).remainder(classes);
}

/// Cross-entropy of a batch; its gradient is added to the network's.
inline double loss_and_gradient(ImageNetwork& network, const at::Tensor& images, const at::Tensor& labels) {
  const at::Tensor loss = at::cross_entropy_loss(network.forward(images), labels);
  torch::autograd::backward({loss}, {});
  return loss.item<double>();
}

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace quasar
