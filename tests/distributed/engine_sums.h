#pragma once

#include <string>

#include <ATen/ATen.h>

#include "distributed/engine/workers.h"

namespace quasar {

/// Results of every kind of collective on numbers whose sum depends on the order of addition, as bytes.
inline std::string engine_sums(Worker& worker) {
  std::string bytes;
  const auto keep = [&](const at::Tensor& tensor) {
    const at::Tensor flat = tensor.contiguous();
    bytes.append(static_cast<const char*>(flat.data_ptr()), flat.nbytes());
  };
  const auto numbers = [&](int salt) {
    return at::sin(at::arange(1, 5001, at::kDouble) * (1.0 + worker.rank() + 10.0 * salt)).mul_(1e3).contiguous();
  };
  at::Tensor mean = numbers(0), sum = numbers(1), largest = numbers(2), first = numbers(3), node = numbers(4),
             across = numbers(5);
  at::Tensor small = numbers(6).to(at::kFloat), whole = at::full({3}, worker.rank() + 1, at::kLong);
  worker.average(mean, Purpose::training, SplitWait::yes);
  worker.average(small);
  worker.sum(sum);
  worker.sum(whole);
  worker.maximum(largest);
  worker.broadcast(first);
  worker.average_in_node(node);
  worker.average_across_nodes(across);
  for (const auto& tensor : {mean, small, sum, whole, largest, first, node, across, worker.gather(numbers(7))})
    keep(tensor);
  return bytes;
}

}  // namespace quasar
