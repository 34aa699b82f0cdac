#pragma once

#include <cstddef>
#include <vector>

#include "toy_models/local_sgd_kernel.h"
#include "toy_models/noise_sources.h"
#include "toy_models/toy_optimizers.h"

namespace quasar {

/// What the generic kernel does that the fast one does not.
struct GenericMethod {
  ToyNoise noise;
  ToyOptimizer optimizer;
  std::int64_t switch_step = 0;  ///< before it gradients are averaged, and all workers have the same moments

  /// Whether the fast kernel will not do.
  bool is_needed() const {
    const bool fast_noise =
        std::holds_alternative<toy_noise::Gaussian>(noise) || std::holds_alternative<toy_noise::LabelNoise>(noise);
    return !fast_noise || optimizer.slots() > 0;
  }
  /// Numbers of optimiser state of a replica: slot by slot of worker by worker, each a vector of the landscape's dimension.
  std::size_t state_size(int num_workers, int dim) const {
    return static_cast<std::size_t>(optimizer.slots()) * static_cast<std::size_t>(num_workers) *
           static_cast<std::size_t>(dim);
  }
};

/// Does to the workers' moments what belongs to an average.
template <int Dim>
void average_states(const ToyOptimizer& optimizer, int num_workers, double* state) {
  using toy_optimizers::AtAverage;
  const int slots = optimizer.slots();
  for (int slot = 0; slot < slots; ++slot) {
    const AtAverage action = optimizer.at_average[slot];
    if (action == AtAverage::keep) continue;
    for (int i = 0; i < Dim; ++i) {
      double mean = 0.0;
      if (action == AtAverage::average)
        for (int k = 0; k < num_workers; ++k) mean += state[(k * slots + slot) * Dim + i] / num_workers;
      for (int k = 0; k < num_workers; ++k) state[(k * slots + slot) * Dim + i] = mean;
    }
  }
}

/// advance_rounds() of one replica with any noise law and optimiser: scalar code in double, compiled once a landscape.
///
/// With the fast kernel's noise and SGD without momentum its bits are those of advance_rounds(), except where a landscape
/// has a noisy_step() of its own, which rounds otherwise.
///
/// average  of the workers, Dim numbers, replaced by that after the rounds
/// state    method.state_size() numbers, zero before the first step
/// dispersion  if given, (1/K) sum_w |x_w - mean of the x_w|^2 just before the last round's average
/// returns  whether the average stayed finite and within kDomainBound after every round
/// cost     per worker-step: one gradient, its draws (see noise_sources.h), some 120 ns
template <class L>
bool advance_generic(const L& landscape, const RoundsView<double>& rounds, const WorkerNoise& noise,
                     const GenericMethod& method, std::uint32_t replica, double* average, double* state,
                     double* dispersion = nullptr) {
  constexpr int kDim = L::dim;
  const std::size_t state_of_worker = method.state_size(1, kDim);
  const double weight = 1.0 / noise.num_workers;
  std::vector<WorkerGradients<L>> gradients;
  for (int k = 0; k < noise.num_workers; ++k)
    gradients.emplace_back(landscape, method.noise, noise,
                           WorkerName{noise.seed, replica, static_cast<std::uint32_t>(k)});
  std::vector<BiasCorrection> corrections;
  bool inside = true;
  std::int64_t step = rounds.first_step;
  const double* learning_rate = rounds.learning_rates;
  for (std::int64_t round = 0; round < rounds.num_rounds; ++round) {
    const std::int64_t period = rounds.periods[round];
    corrections.clear();
    for (std::int64_t h = 0; h < period; ++h) corrections.push_back(BiasCorrection::at(method.optimizer, step + h + 1));
    double sum[kDim] = {}, sum_of_squares = 0.0;
    if (step < method.switch_step && state_of_worker > 0) {
      if (dispersion != nullptr) *dispersion = 0.0;
      for (int k = 0; k < noise.num_workers; ++k) {
        double g[kDim];
        gradients[static_cast<std::size_t>(k)](step, average, g);
        for (int i = 0; i < kDim; ++i) sum[i] += g[i];
      }
      for (int i = 0; i < kDim; ++i) sum[i] *= weight;
      optimizer_step<kDim>(method.optimizer, corrections[0], learning_rate[0], sum, average, state);
      for (int k = 1; k < noise.num_workers; ++k)
        for (std::size_t i = 0; i < state_of_worker; ++i)
          state[static_cast<std::size_t>(k) * state_of_worker + i] = state[i];
    } else {
      for (int k = 0; k < noise.num_workers; ++k) {
        const auto worker = static_cast<std::size_t>(k);
        double x[kDim], g[kDim];
        for (int i = 0; i < kDim; ++i) x[i] = average[i];
        for (std::int64_t h = 0; h < period; ++h) {
          gradients[worker](step + h, x, g);
          optimizer_step<kDim>(method.optimizer, corrections[static_cast<std::size_t>(h)], learning_rate[h], g, x,
                               state + worker * state_of_worker);
        }
        for (int i = 0; i < kDim; ++i) {
          const double move = x[i] - average[i];
          sum[i] += move;
          sum_of_squares += move * move;
        }
      }
      if (dispersion != nullptr) {
        *dispersion = sum_of_squares * weight;
        for (int i = 0; i < kDim; ++i) *dispersion -= sum[i] * weight * (sum[i] * weight);
        if (*dispersion < 0.0) *dispersion = 0.0;
      }
      for (int i = 0; i < kDim; ++i) average[i] = fused_multiply_add(weight, sum[i], average[i]);
      average_states<kDim>(method.optimizer, noise.num_workers, state);
    }
    for (int i = 0; i < kDim; ++i) inside &= average[i] <= kDomainBound && average[i] >= -kDomainBound;
    step += period;
    learning_rate += period;
  }
  return inside;
}

}  // namespace quasar
