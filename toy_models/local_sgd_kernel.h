#pragma once

#include <cstdint>

#include "core/random.h"

namespace quasar {

/// Some rounds of Local SGD that follow one another: the same for every replica, fixed by the host.
template <class Real>
struct RoundsView {
  std::int64_t first_step;
  const std::int64_t* periods;  ///< H of each round
  std::int64_t num_rounds;
  const Real* learning_rates;  ///< of each step, from first_step on
};

/// What names the noise of an ensemble and sets its size.
struct WorkerNoise {
  std::uint64_t seed;
  int num_workers;
};

/// The averages of a block of replicas, coordinate by coordinate, so that the loop over lanes becomes SIMD.
template <int Dim, class Real, int Lanes>
struct ReplicaBlock {
  Real average[Dim][Lanes];
  std::uint32_t left_domain[Lanes];  ///< 1: after some round a coordinate was not finite or beyond kDomainBound
};

inline constexpr double kDomainBound = 1e6;

/// Local SGD on Lanes replicas for some rounds: one source for scalar code, SIMD and a CUDA thread (Lanes = 1).
///
///   each worker:  x <- x - eta (grad L(x) + noise of covariance K S),  H times;   then all workers <- their mean
///
/// One draw of four normals serves 4 / noise_dim workers of the same step: nothing is wasted when that divides K, and
/// the noise depends on (seed, replica, step, worker) alone, whatever H is. The mean is taken of the workers' moves
/// since the last average, which keeps it accurate in float.
///
/// cost  per worker-step: 1 gradient, noise_dim normals, 3 multiply-adds a dimension; no memory beyond L1
template <int Lanes, class Landscape, class Real>
QUASAR_HD void advance_rounds(const Landscape& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise,
                              std::uint32_t first_replica, ReplicaBlock<Landscape::dim, Real, Lanes>& block) {
  constexpr int kDim = Landscape::dim;
  constexpr int kNoiseDim = Landscape::noise_dim;
  constexpr int kShare = 4 / kNoiseDim;  // workers that share a draw
  const Real noise_size = static_cast<Real>(__builtin_sqrt(static_cast<double>(noise.num_workers)));
  const Real weight = Real(1) / static_cast<Real>(noise.num_workers);

  std::int64_t step = rounds.first_step;
  const Real* learning_rate = rounds.learning_rates;
  for (std::int64_t round = 0; round < rounds.num_rounds; ++round) {
    const std::int64_t period = rounds.periods[round];
    Real sum_of_moves[kDim][Lanes] = {};
    for (int first_worker = 0; first_worker < noise.num_workers; first_worker += kShare) {
      Real worker[kShare][kDim][Lanes];
      for (int w = 0; w < kShare; ++w)
        for (int i = 0; i < kDim; ++i)
          for (int lane = 0; lane < Lanes; ++lane) worker[w][i][lane] = block.average[i][lane];

      for (std::int64_t h = 0; h < period; ++h) {
        const Real minus_learning_rate = -learning_rate[h];
        const auto draw_step = static_cast<std::uint64_t>(step + h);
        const auto draw_lane = static_cast<std::uint32_t>(first_worker / kShare);
        float z[4][Lanes];
        for (int lane = 0; lane < Lanes; ++lane) {
          float four[4];
          normals({noise.seed, Use::toy_noise, first_replica + static_cast<std::uint32_t>(lane), draw_step, draw_lane},
                  four);
          for (int i = 0; i < 4; ++i) z[i][lane] = four[i];
        }
        for (int w = 0; w < kShare; ++w)
          for (int lane = 0; lane < Lanes; ++lane) {
            Real x[kDim], xi[kNoiseDim], g[kDim];
            for (int i = 0; i < kDim; ++i) x[i] = worker[w][i][lane];
            for (int i = 0; i < kNoiseDim; ++i) xi[i] = noise_size * static_cast<Real>(z[w * kNoiseDim + i][lane]);
            landscape.noisy_gradient(x, xi, g);
            for (int i = 0; i < kDim; ++i) worker[w][i][lane] = fused_multiply_add(minus_learning_rate, g[i], x[i]);
          }
      }

      for (int w = 0; w < kShare && first_worker + w < noise.num_workers; ++w)
        for (int i = 0; i < kDim; ++i)
          for (int lane = 0; lane < Lanes; ++lane) sum_of_moves[i][lane] += worker[w][i][lane] - block.average[i][lane];
    }

    for (int i = 0; i < kDim; ++i)
      for (int lane = 0; lane < Lanes; ++lane) {
        const Real average = fused_multiply_add(weight, sum_of_moves[i][lane], block.average[i][lane]);
        block.average[i][lane] = average;
        const bool inside = average <= Real(kDomainBound) && average >= Real(-kDomainBound);  // false for nan
        block.left_domain[lane] |= inside ? 0u : 1u;
      }
    step += period;
    learning_rate += period;
  }
}

}  // namespace quasar
