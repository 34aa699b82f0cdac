#include "distributed/networks/attention.h"

#include <ATen/ops/scaled_dot_product_attention.h>

namespace quasar {

at::Tensor attend_to_all(const at::Tensor& qkv, std::int64_t heads) {
  const auto parts = qkv.unflatten(2, {3, heads, -1}).permute({2, 0, 3, 1, 4}).unbind(0);
  return at::scaled_dot_product_attention(parts[0], parts[1], parts[2]).transpose(1, 2).flatten(2);
}

}  // namespace quasar
