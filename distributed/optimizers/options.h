#pragma once

#include <variant>

#include "core/effective_rate.h"

namespace quasar {

class Config;

/// u <- b u + (g + w theta), theta <- theta - eta u (Nesterov: theta - eta (g + w theta + b u)); PyTorch's form, in
/// which a learning rate that changes needs no momentum correction.
struct Sgd {
  double momentum = 0.0;
  bool nesterov = false;
  double weight_decay = 0.0;
};

/// Loshchilov and Hutter 2019 (arXiv:1711.05101), weight decay times the learning rate, as PyTorch has it.
struct AdamW {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;
};

/// The optimiser of the local steps.
struct OptimizerOptions {
  std::variant<Sgd, AdamW> kind;

  /// eta_eff/eta, whose square scales slow time.
  double rate_factor() const {
    const auto* sgd = std::get_if<Sgd>(&kind);
    return sgd == nullptr ? 1.0 : effective_rate(1.0, sgd->momentum);
  }

  /// Reads `optimizer.name`, `.momentum`, `.nesterov`, `.weight_decay`, `.beta1`, `.beta2` and `.epsilon`.
  static OptimizerOptions read(const Config& config);
};

/// Every worker goes on from the average.
struct PlainAverage {};

/// u <- beta u + (x - average) / gamma, x <- x - alpha gamma u, where x is what the round started from and gamma the
/// learning rate of its first step; beta = 0, alpha = 1 is the plain average.   Wang et al. 2020 (arXiv:1910.00643)
struct SlowMo {
  double beta = 0.5;
  double alpha = 1.0;
};

/// Delta = x - average, u <- m u + Delta, x <- x - eta (Delta + m u).          DiLoCo, Douillard et al. 2023
struct OuterNesterov {
  double learning_rate = 0.7;
  double momentum = 0.9;
};

/// What is done with the average at the end of a round.
struct OuterOptions {
  std::variant<PlainAverage, SlowMo, OuterNesterov> kind;

  /// Reads `outer.name` (none, slowmo or diloco), `.beta`, `.alpha`, `.learning_rate` and `.momentum`.
  static OuterOptions read(const Config& config);
};

}  // namespace quasar
