#include "distributed/local_sgd/batch_norm.h"

#include <ATen/ATen.h>

#include "distributed/networks/layers.h"

namespace quasar {
namespace {

void set_momentum(torch::nn::Module& module, double momentum) {
  for (const auto& part : module.modules(/*include_self=*/false))
    if (auto* norm = dynamic_cast<Norm*>(part.get())) norm->momentum = momentum;
}

}  // namespace

void pool_batch_norm(at::Tensor& buffers, const std::function<void(at::Tensor&)>& average) {
  const std::int64_t half = buffers.numel() / 2;
  at::Tensor means = buffers.narrow(0, 0, half), variances = buffers.narrow(0, half, half);
  // Means first: the variance of the means from averages of m and m^2 would cancel.
  const at::Tensor own_means = means.clone();
  average(means);
  variances.add_(own_means.sub_(means).square_());
  average(variances);
}

at::Tensor pool_batch_norm(const std::vector<at::Tensor>& buffers) {
  const auto rows = at::stack(buffers);
  const std::int64_t half = rows.size(1) / 2;
  const auto means = rows.narrow(1, 0, half);
  const auto mean = means.mean(0);
  return at::cat({mean, rows.narrow(1, half, half).mean(0) + (means - mean).square().mean(0)});
}

void reestimate_batch_norm(torch::nn::Module& module, at::Tensor& buffers, std::int64_t batches,
                           const std::function<void(std::int64_t batch)>& forward) {
  const at::NoGradGuard no_grad;
  module.train();
  set_momentum(module, 1.0);  // running statistics are then the last batch's
  buffers.zero_();            // and what was there before, were it not finite, does not survive as 0 * inf
  at::Tensor sum = at::zeros_like(buffers, at::kDouble);
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    forward(batch);
    sum.add_(buffers);
  }
  buffers.copy_(sum.div_(batches));
  set_momentum(module, Norm::kMomentum);
  module.eval();
}

}  // namespace quasar
