#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "distributed/engine/workers.h"

namespace c10d {
class Reducer;
}

namespace quasar {

/// Data-parallel gradients, averaged in buckets while backward still runs: c10d's Reducer, the one inside PyTorch's
/// DistributedDataParallel. With K = 1 it does nothing.
class OverlappedGradients {
 public:
  /// All workers must construct it, with the same parameters in the same order; these must require gradients and have
  /// .grad, which may be views of one flat buffer and stay so.
  OverlappedGradients(std::vector<at::Tensor> parameters, Worker& worker, std::int64_t bucket_bytes = 25 << 20);
  ~OverlappedGradients();
  OverlappedGradients(const OverlappedGradients&) = delete;
  OverlappedGradients& operator=(const OverlappedGradients&) = delete;

  void before_forward();
  /// `outputs` are what backward will start from. After backward every .grad is the average over the workers.
  void before_backward(const std::vector<at::Tensor>& outputs);

 private:
  std::unique_ptr<c10d::Reducer> reducer_;
};

}  // namespace quasar
