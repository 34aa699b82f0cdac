#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace quasar {

/// Heads' softmax(q k / sqrt(width / heads)) v of every token to every token (Vaswani et al. 2017, arXiv:1706.03762).
///
/// qkv      (b, n, 3 width): queries, keys, values, each with its heads behind each other
/// returns  (b, n, width)
at::Tensor attend_to_all(const at::Tensor& qkv, std::int64_t heads);

}  // namespace quasar
