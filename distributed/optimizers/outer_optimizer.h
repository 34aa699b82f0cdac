#pragma once

#include <ATen/core/Tensor.h>

#include "distributed/optimizers/options.h"

namespace quasar {

/// The step from one round's start to the next one's, given the average of the workers; equal on all of them.
///
/// Its x is what it last returned, never what a worker has made of it since; both x and u belong to a checkpoint.
class OuterOptimizer {
 public:
  /// values  the common start of all workers
  OuterOptimizer(const OuterOptions& options, const at::Tensor& values);

  /// Turns the workers' average into the start of the next round.
  ///
  /// learning_rate  of the local optimiser at the first step of the round that has just ended
  void apply(at::Tensor& average, double learning_rate);

  /// visit(name, tensor) for every state tensor: `outer_start` (x) and `outer_momentum` (u), if there are any.
  template <class Visit>
  void visit_state(const Visit& visit) {
    if (!start_.defined()) return;
    visit("outer_start", start_);
    visit("outer_momentum", momentum_);
  }

 private:
  OuterOptions options_;
  at::Tensor start_, momentum_;
};

}  // namespace quasar
