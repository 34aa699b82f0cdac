#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace quasar {

// The start of a network's tensors by named draws (core/random.h): FP32, contiguous, on the CPU, and equal whatever else
// the process draws. `stream` is the tensor's own number within its network, below 2^16.

/// N(0, deviation^2).
void draw_normals(const at::Tensor& weight, double deviation, std::uint64_t seed, std::uint32_t stream);

/// Uniform on (-bound, bound), of 24 bits.
void draw_uniforms(const at::Tensor& weight, double bound, std::uint64_t seed, std::uint32_t stream);

}  // namespace quasar
