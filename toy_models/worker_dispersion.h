#pragma once

#include <cstdint>

#include "toy_models/cpu_dispatch.h"

namespace quasar {

/// How far a block's workers will be from their average when the next round ends, just before they are averaged.
///
///   (1/K) sum_w |x_w - mean of the x_w|^2      for each replica, in `dispersion`
///
/// The workers' steps are computed again, with the draws and the arithmetic that advance_rounds() will use: what the
/// workers would be averaged to is what it will give, up to the order of the sum. The block stays as it is.
/// rounds  of which only the first is looked at
/// cost    that round
template <int Lanes, class Landscape, class Real>
QUASAR_HD void worker_dispersion(const Landscape& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise,
                                 std::uint32_t first_replica, const ReplicaBlock<Landscape::dim, Real, Lanes>& block,
                                 double* dispersion) {
  constexpr int kDim = Landscape::dim;
  constexpr int kNoiseDim = Landscape::noise_dim;
  constexpr int kShare = 4 / kNoiseDim;  // workers that share a draw
  const Real noise_size = static_cast<Real>(__builtin_sqrt(static_cast<double>(noise.num_workers)));
  double sum_of_moves[kDim][Lanes] = {}, sum_of_squares[Lanes] = {};
  for (int first_worker = 0; first_worker < noise.num_workers; first_worker += kShare) {
    Real worker[kShare][kDim][Lanes];
    for (int w = 0; w < kShare; ++w)
      for (int i = 0; i < kDim; ++i)
        for (int lane = 0; lane < Lanes; ++lane) worker[w][i][lane] = block.average[i][lane];
    for (std::int64_t h = 0; h < rounds.periods[0]; ++h) {
      const auto draw_step = static_cast<std::uint64_t>(rounds.first_step + h);
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
          for (int i = 0; i < kDim; ++i) worker[w][i][lane] = fused_multiply_add(-rounds.learning_rates[h], g[i], x[i]);
        }
    }
    for (int w = 0; w < kShare && first_worker + w < noise.num_workers; ++w)
      for (int i = 0; i < kDim; ++i)
        for (int lane = 0; lane < Lanes; ++lane) {
          const double move = static_cast<double>(worker[w][i][lane]) - static_cast<double>(block.average[i][lane]);
          sum_of_moves[i][lane] += move;
          sum_of_squares[lane] += move * move;
        }
  }
  const auto workers = static_cast<double>(noise.num_workers);
  for (int lane = 0; lane < Lanes; ++lane) {
    double square_of_mean = 0.0;
    for (int i = 0; i < kDim; ++i) {
      const double mean = sum_of_moves[i][lane] / workers;
      square_of_mean += mean * mean;
    }
    const double variance = sum_of_squares[lane] / workers - square_of_mean;
    dispersion[lane] = variance < 0.0 ? 0.0 : variance;  // the rounding of a difference; nan stays nan
  }
}

#if defined(__x86_64__)
// As in cpu_dispatch.h: everything inlined is always_inline.
template <class Landscape, class Real>
__attribute__((target("arch=x86-64-v3"))) void worker_dispersion_v3(
    const Landscape& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise, std::uint32_t first_replica,
    const Block<Landscape::dim, Real>& block, double* dispersion) {
  worker_dispersion<kLanes>(landscape, rounds, noise, first_replica, block, dispersion);
}

template <class Landscape, class Real>
__attribute__((target("arch=x86-64-v4,prefer-vector-width=512"))) void worker_dispersion_v4(
    const Landscape& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise, std::uint32_t first_replica,
    const Block<Landscape::dim, Real>& block, double* dispersion) {
  worker_dispersion<kLanes>(landscape, rounds, noise, first_replica, block, dispersion);
}
#endif

/// worker_dispersion() of a block with the instruction set asked for; the same bits from all.
///
/// Not checked: that the CPU has it.
template <class Landscape, class Real>
void worker_dispersion_of_block([[maybe_unused]] InstructionSet instruction_set, const Landscape& landscape,
                                const RoundsView<Real>& rounds, const WorkerNoise& noise, std::uint32_t first_replica,
                                const Block<Landscape::dim, Real>& block, double* dispersion) {
#if defined(__x86_64__)
  if (instruction_set == InstructionSet::x86_64_v4)
    return worker_dispersion_v4(landscape, rounds, noise, first_replica, block, dispersion);
  if (instruction_set == InstructionSet::x86_64_v3)
    return worker_dispersion_v3(landscape, rounds, noise, first_replica, block, dispersion);
#endif
  worker_dispersion<kLanes>(landscape, rounds, noise, first_replica, block, dispersion);
}

}  // namespace quasar
