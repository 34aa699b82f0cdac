// How LocalSgd measures its gradients for the norm test.

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "distributed/engine/overlapped_gradients.h"
#include "distributed/local_sgd/local_sgd.h"

namespace quasar {

void LocalSgd::test_norms(const std::vector<BatchResult>& batches) {
  // Micro-batches over all workers, or the workers' own gradients.
  const auto micro_batches = static_cast<std::int64_t>(batches.front().micro_squared_norms.size());
  at::Tensor mean = at::zeros_like(locals_.front()->gradient());
  double squared_norms = 0.0;
  for (std::size_t i = 0; i < locals_.size(); ++i) {
    mean.add_(locals_[i]->gradient(), 1.0 / static_cast<double>(locals_.size()));
    if (micro_batches == 0) squared_norms += squared_norm(locals_[i]->gradient());
    for (const double norm : batches[i].micro_squared_norms) squared_norms += norm;
  }
  average(mean);
  at::Tensor sum = at::tensor({squared_norms}, at::kDouble);
  worker_.sum(sum, Purpose::measurement);
  const std::int64_t parts = std::max<std::int64_t>(1, micro_batches);
  GradientSums sums;
  sums.squared_norms = sum.item<double>();
  sums.squared_norm_of_mean = squared_norm(mean);
  sums.count = num_workers_ * parts;
  sums.samples = position_.local_batch / parts;
  if (!std::isfinite(sums.squared_norms) || !std::isfinite(sums.squared_norm_of_mean)) return;  // says nothing of noise
  const std::int64_t wanted = options_.norm_test->next_local_size(
      variance_of_gradients(sums), sums.squared_norm_of_mean, position_.local_batch, num_workers_);
  // Micro-batches stay equal, and the largest size is one of them.
  const std::int64_t multiple = micro_batches > 0 ? sums.samples : 1;
  const std::int64_t most = std::max(position_.local_batch, options_.norm_test->max_local_size / multiple * multiple);
  position_.next_local_batch = std::min(most, (wanted + multiple - 1) / multiple * multiple);
}

}  // namespace quasar
