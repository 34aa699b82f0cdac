#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace quasar {

/// 64-bit FNV-1a of a contiguous tensor's bytes.
inline std::uint64_t parameter_hash(const at::Tensor& tensor) {
  std::uint64_t hash = 14695981039346656037ull;
  const auto* bytes = static_cast<const unsigned char*>(tensor.data_ptr());
  for (std::size_t i = 0; i < tensor.nbytes(); ++i) hash = (hash ^ bytes[i]) * 1099511628211ull;
  return hash;
}

}  // namespace quasar
