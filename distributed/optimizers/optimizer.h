#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "distributed/optimizers/options.h"

namespace quasar {

/// Steps of SGD or AdamW on a flat tensor, by PyTorch's fused kernels; its state is flat too.
///
/// State is made at once and starts at zero, so a checkpoint has the same tensors before and after the first step.
/// Copies share their state.
class Optimizer {
 public:
  /// values   the tensor that will be stepped, or one like it
  /// decayed  its first so many numbers take weight decay
  Optimizer(const OptimizerOptions& options, const at::Tensor& values, std::int64_t decayed);

  /// One step; the gradients are left as they are.
  void step(at::Tensor& values, const at::Tensor& gradients, double learning_rate);

  /// visit(name, tensor) for every state tensor: `momentum`; or `adam_m`, `adam_v` and `adam_step` (I64, one number).
  template <class Visit>
  void visit_state(const Visit& visit) {
    if (momentum_.defined()) visit("momentum", momentum_);
    if (!adam_step_.defined()) return;
    visit("adam_m", adam_m_);
    visit("adam_v", adam_v_);
    visit("adam_step", adam_step_);
  }

  const OptimizerOptions& options() const { return options_; }

 private:
  void step_part(const Sgd& sgd, at::Tensor& values, const at::Tensor& gradients, std::int64_t first,
                 std::int64_t count, double weight_decay, double learning_rate);
  void step_part(const AdamW& adam, at::Tensor& values, const at::Tensor& gradients, std::int64_t first,
                 std::int64_t count, double weight_decay, double learning_rate);

  OptimizerOptions options_;
  std::int64_t decayed_;
  at::Tensor momentum_;
  at::Tensor adam_m_, adam_v_, adam_step_;
};

}  // namespace quasar
