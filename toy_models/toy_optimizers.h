#pragma once

#include <cmath>
#include <cstdint>
#include <variant>

#include "core/effective_rate.h"
#include "core/elementary.h"

namespace quasar {

/// The optimisers of a toy ensemble's local steps: the trainer's formulas, names and defaults.
namespace toy_optimizers {

/// u <- b u + g, x <- x - eta u (Nesterov: x - eta (g + b u)); PyTorch's form.
struct Sgd {
  double momentum = 0.0;
  bool nesterov = false;
};

/// m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, x <- x - eta m/(1 - b1^t) / (sqrt(v/(1 - b2^t)) + epsilon) at the
/// t-th step of training.                                                    Kingma and Ba 2015 (arXiv:1412.6980)
struct Adam {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

/// What happens to a worker's moments at an average of parameters.
enum class AtAverage { keep, average, reset };

}  // namespace toy_optimizers

/// An optimiser with what an average does to its state: `slots` vectors of the landscape's dimension a worker.
struct ToyOptimizer {
  std::variant<toy_optimizers::Sgd, toy_optimizers::Adam> kind;
  /// Of the velocity; of Adam's m and v.
  toy_optimizers::AtAverage at_average[2] = {toy_optimizers::AtAverage::keep, toy_optimizers::AtAverage::keep};

  /// eta_eff/eta, whose square scales slow time.
  double rate_factor() const {
    const auto* sgd = std::get_if<toy_optimizers::Sgd>(&kind);
    return sgd == nullptr ? 1.0 : effective_rate(1.0, sgd->momentum);
  }
  int slots() const {
    if (const auto* sgd = std::get_if<toy_optimizers::Sgd>(&kind)) return sgd->momentum == 0.0 ? 0 : 1;
    return 2;
  }
};

/// The denominators 1 - b1^t and sqrt(1 - b2^t) of Adam's step number t = 1, 2, ...; 1 for the others.
struct BiasCorrection {
  double first = 1.0, root_of_second = 1.0;

  static BiasCorrection at(const ToyOptimizer& optimizer, std::int64_t t) {
    const auto* adam = std::get_if<toy_optimizers::Adam>(&optimizer.kind);
    if (adam == nullptr) return {};
    const auto steps = static_cast<double>(t);
    return {1 - std::pow(adam->beta1, steps), std::sqrt(1 - std::pow(adam->beta2, steps))};
  }
};

/// One step of the optimiser on x with the gradient g.
///
/// state  slots() vectors of Dim numbers, zero before the first step
template <int Dim>
void optimizer_step(const ToyOptimizer& optimizer, const BiasCorrection& correction, double learning_rate,
                    const double* g, double* x, double* state) {
  if (const auto* sgd = std::get_if<toy_optimizers::Sgd>(&optimizer.kind)) {
    for (int i = 0; i < Dim; ++i) {
      double step = g[i];
      if (sgd->momentum != 0.0) {
        state[i] = fused_multiply_add(sgd->momentum, state[i], g[i]);
        step = sgd->nesterov ? fused_multiply_add(sgd->momentum, state[i], g[i]) : state[i];
      }
      x[i] = fused_multiply_add(-learning_rate, step, x[i]);
    }
    return;
  }
  const auto& adam = std::get<toy_optimizers::Adam>(optimizer.kind);
  double* const m = state;
  double* const v = state + Dim;
  for (int i = 0; i < Dim; ++i) {
    m[i] = fused_multiply_add(1 - adam.beta1, g[i] - m[i], m[i]);
    v[i] = fused_multiply_add(1 - adam.beta2, g[i] * g[i] - v[i], v[i]);
    const double denominator = std::sqrt(v[i]) / correction.root_of_second + adam.epsilon;
    x[i] = fused_multiply_add(-learning_rate / correction.first, m[i] / denominator, x[i]);
  }
}

}  // namespace quasar
