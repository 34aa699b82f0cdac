#include "distributed/optimizers/optimizer.h"

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>

namespace quasar {

Optimizer::Optimizer(const OptimizerOptions& options, const at::Tensor& values, std::int64_t decayed)
    : options_(options), decayed_(decayed) {
  if (const auto* sgd = std::get_if<Sgd>(&options.kind)) {
    if (sgd->momentum != 0.0) momentum_ = at::zeros_like(values);
  } else {
    adam_m_ = at::zeros_like(values);
    adam_v_ = at::zeros_like(values);
    adam_step_ = at::zeros({1}, at::kLong);
  }
}

void Optimizer::step(at::Tensor& values, const at::Tensor& gradients, double learning_rate) {
  if (adam_step_.defined()) ++*adam_step_.data_ptr<std::int64_t>();
  const std::int64_t size = values.numel();
  std::visit(
      [&](const auto& kind) {
        // Without weight decay the two parts are one.
        const std::int64_t first_part = kind.weight_decay == 0.0 ? size : decayed_;
        if (first_part > 0) step_part(kind, values, gradients, 0, first_part, kind.weight_decay, learning_rate);
        if (first_part < size) step_part(kind, values, gradients, first_part, size - first_part, 0.0, learning_rate);
      },
      options_.kind);
}

void Optimizer::step_part(const Sgd& sgd, at::Tensor& values, const at::Tensor& gradients, std::int64_t first,
                          std::int64_t count, double weight_decay, double learning_rate) {
  std::vector<at::Tensor> velocity;
  if (momentum_.defined()) velocity.push_back(momentum_.narrow(0, first, count));
  // A velocity of zero makes the first step the same as any other.
  at::_fused_sgd_({values.narrow(0, first, count)}, {gradients.narrow(0, first, count)}, velocity, weight_decay,
                  sgd.momentum, learning_rate, /*dampening=*/0.0, sgd.nesterov, /*maximize=*/false,
                  /*is_first_step=*/false);
}

void Optimizer::step_part(const AdamW& adam, at::Tensor& values, const at::Tensor& gradients, std::int64_t first,
                          std::int64_t count, double weight_decay, double learning_rate) {
  const at::Tensor step = adam_step_.to(values.device(), at::kFloat);
  at::_fused_adamw_({values.narrow(0, first, count)}, {gradients.narrow(0, first, count)},
                    {adam_m_.narrow(0, first, count)}, {adam_v_.narrow(0, first, count)}, {}, {step}, learning_rate,
                    adam.beta1, adam.beta2, weight_decay, adam.epsilon, /*amsgrad=*/false, /*maximize=*/false);
}

}  // namespace quasar
