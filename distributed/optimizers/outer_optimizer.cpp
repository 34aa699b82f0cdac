#include "distributed/optimizers/outer_optimizer.h"

#include <ATen/ops/zeros_like.h>

namespace quasar {

OuterOptimizer::OuterOptimizer(const OuterOptions& options, const at::Tensor& values) : options_(options) {
  if (std::holds_alternative<PlainAverage>(options.kind)) return;
  start_ = values.detach().clone();
  momentum_ = at::zeros_like(start_);
}

void OuterOptimizer::apply(at::Tensor& average, double learning_rate) {
  if (const auto* slowmo = std::get_if<SlowMo>(&options_.kind)) {
    // The difference first: x / gamma would lose what the two have in common.
    momentum_.mul_(slowmo->beta).add_(start_.sub(average), 1.0 / learning_rate);
    start_.sub_(momentum_, slowmo->alpha * learning_rate);
    average.copy_(start_);
  } else if (const auto* nesterov = std::get_if<OuterNesterov>(&options_.kind)) {
    const at::Tensor pseudo_gradient = start_.sub(average);
    momentum_.mul_(nesterov->momentum).add_(pseudo_gradient);
    start_.sub_(pseudo_gradient, nesterov->learning_rate).sub_(momentum_, nesterov->learning_rate * nesterov->momentum);
    average.copy_(start_);
  }
}

}  // namespace quasar
