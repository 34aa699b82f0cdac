#pragma once

#include <cstdint>

#include "core/random.h"
#include "toy_models/landscape.h"

namespace quasar {

/// Some rounds of Local SGD that follow one another: the same for every replica, fixed by the host.
template <class Real>
struct RoundsView {
  std::int64_t first_step;
  const std::int64_t* periods;  ///< H of each round
  std::int64_t num_rounds;
  const Real* learning_rates;  ///< of each step, from first_step on
};

/// Law of the numbers that a landscape turns into gradient noise: mean 0, variance 1, independent.
enum class WorkerNoiseLaw {
  gaussian,  ///< standard normals
  signs      ///< +-1 with probability 1/2 each: label noise, where the landscape's noise is on the labels
};

/// What names the noise of an ensemble and sets its size.
struct WorkerNoise {
  std::uint64_t seed;
  int num_workers;
  WorkerNoiseLaw law = WorkerNoiseLaw::gaussian;
};

/// Draws one by one, for a CUDA thread; lanes of a CPU have LaneDraws.
struct SingleDraws {
  QUASAR_HD void normals(const Draw& draw, float (&z)[4][1]) const {
    float four[4];
    quasar::normals(draw, four);
    for (int i = 0; i < 4; ++i) z[i][0] = four[i];
  }
  QUASAR_HD void words(const Draw& draw, std::uint32_t (*w)[1]) const {
    const Words four = quasar::words(draw);
    for (int i = 0; i < 4; ++i) w[i][0] = four.w[i];
  }
};

/// The averages of a block of replicas, coordinate by coordinate, so that the loop over lanes becomes SIMD; in cache lines
/// of its own, since threads work on blocks that are neighbours.
template <int Dim, class Real, int Lanes>
struct alignas(Lanes * sizeof(Real) % 64 == 0 ? 64 : alignof(Real)) ReplicaBlock {
  Real average[Dim][Lanes];
  std::uint32_t left_domain[Lanes];  ///< 1: after some round a coordinate was not finite or beyond kDomainBound
};

inline constexpr double kDomainBound = 1e6;

/// The noise of a group of workers that share draws: nothing is wasted when 4 / noise_dim divides K, and what a worker
/// gets depends on (seed, replica, step, worker) alone, whatever H is.
///   take(...)        the noise of the steps that follow, at most so many; returns of how many
///   InLanes          that of Chunk lanes: value(size, component, j) of the first step, and next() goes a step on
template <WorkerNoiseLaw Law, int NoiseDim, int Lanes>
struct GroupNoise;

/// A draw of four normals serves 4 / noise_dim workers of one step, or a worker has several draws.
template <int NoiseDim, int Lanes>
struct GroupNoise<WorkerNoiseLaw::gaussian, NoiseDim, Lanes> {
  static constexpr int kWorkers = NoiseDim <= 4 ? 4 / NoiseDim : 1, kDraws = (kWorkers * NoiseDim + 3) / 4;
  float z[kDraws][4][Lanes];

  template <class Draws>
  QUASAR_HD int take(const Draws& draws, std::uint64_t seed, std::uint32_t first_replica, std::uint64_t step,
                     std::uint32_t group, std::int64_t) {
    for (int d = 0; d < kDraws; ++d)
      draws.normals({seed, Use::toy_noise, first_replica, step, group, static_cast<std::uint32_t>(d)}, z[d]);
    return 1;
  }
  template <int Chunk, class Real>
  struct InLanes {
    const GroupNoise& all;
    int first_lane;
    QUASAR_HD InLanes(const GroupNoise& noise, int lane) : all(noise), first_lane(lane) {}
    QUASAR_HD Real value(Real size, int component, int j) const {
      return size * static_cast<Real>(all.z[component / 4][component % 4][first_lane + j]);
    }
    QUASAR_HD void next() {}
  };
};

/// A draw of four words serves four components of 32 steps, a bit a step from the highest on.
template <int NoiseDim, int Lanes>
struct GroupNoise<WorkerNoiseLaw::signs, NoiseDim, Lanes> {
  static constexpr int kWorkers = NoiseDim <= 4 ? 4 : 1, kDraws = (kWorkers * NoiseDim + 3) / 4;
  std::uint32_t w[4 * kDraws][Lanes];
  int used;  ///< bits of each

  template <class Draws>
  QUASAR_HD int take(const Draws& draws, std::uint64_t seed, std::uint32_t first_replica, std::uint64_t step,
                     std::uint32_t group, std::int64_t most) {
    for (int d = 0; d < kDraws; ++d)
      draws.words({seed, Use::toy_signs, first_replica, step / 32, group, static_cast<std::uint32_t>(d)}, w + 4 * d);
    used = static_cast<int>(step % 32);
    return most < 32 - used ? static_cast<int>(most) : 32 - used;
  }
  template <int Chunk, class Real>
  struct InLanes {
    WordOf<Real> bits[4 * kDraws][Chunk];  ///< as wide as a number, so that lanes stay lanes
    QUASAR_HD InLanes(const GroupNoise& noise, int lane) {
      constexpr int kToTheTop = 8 * sizeof(Real) - 32;
      for (int c = 0; c < 4 * kDraws; ++c)
        for (int j = 0; j < Chunk; ++j)
          bits[c][j] = static_cast<WordOf<Real>>(noise.w[c][lane + j]) << kToTheTop << noise.used;
    }
    QUASAR_HD Real value(Real size, int component, int j) const { return negate_by_top_bit(size, bits[component][j]); }
    QUASAR_HD void next() {
      for (int c = 0; c < 4 * kDraws; ++c)
        for (int j = 0; j < Chunk; ++j) bits[c][j] <<= 1;
    }
  };
};

/// Some steps of the workers of a group in Chunk lanes from first_lane on, in registers where they have room.
template <int Chunk, int Lanes, class Landscape, class Real, class Noise>
QUASAR_HD void advance_chunk(const Landscape& landscape, const Noise& noise, const Real* noise_size,
                             const Real* learning_rate, int steps, int first_lane,
                             Real (&worker)[Noise::kWorkers][Landscape::dim][Lanes]) {
  constexpr int kGroup = Noise::kWorkers, kDim = Landscape::dim, kNoiseDim = Landscape::noise_dim;
  Real own[kGroup][kDim][Chunk];
  for (int w = 0; w < kGroup; ++w)
    for (int i = 0; i < kDim; ++i)
      for (int j = 0; j < Chunk; ++j) own[w][i][j] = worker[w][i][first_lane + j];
  typename Noise::template InLanes<Chunk, Real> own_noise(noise, first_lane);
  for (int s = 0; s < steps; ++s) {
    const Real minus_learning_rate = -learning_rate[s];
    QUASAR_UNROLL for (int w = 0; w < kGroup; ++w) for (int j = 0; j < Chunk; ++j) {
      Real x[kDim], xi[kNoiseDim], to[kDim];
      QUASAR_UNROLL for (int i = 0; i < kDim; ++i) x[i] = own[w][i][j];
      QUASAR_UNROLL for (int i = 0; i < kNoiseDim; ++i) xi[i] = own_noise.value(noise_size[i], w * kNoiseDim + i, j);
      noisy_step(landscape, x, xi, minus_learning_rate, to);
      QUASAR_UNROLL for (int i = 0; i < kDim; ++i) own[w][i][j] = to[i];
    }
    own_noise.next();
  }
  for (int w = 0; w < kGroup; ++w)
    for (int i = 0; i < kDim; ++i)
      for (int j = 0; j < Chunk; ++j) worker[w][i][first_lane + j] = own[w][i][j];
}

/// How far the workers are from their mean; in double, since it is a difference of near numbers.
template <int Dim, int Lanes>
struct WorkerSpread {
  double moves[Dim][Lanes], squares[Lanes];

  QUASAR_HD void clear() {
    for (int lane = 0; lane < Lanes; ++lane) squares[lane] = 0.0;
    for (int i = 0; i < Dim; ++i)
      for (int lane = 0; lane < Lanes; ++lane) moves[i][lane] = 0.0;
  }
  template <int Group, class Real>
  QUASAR_HD void add(const Real (&worker)[Group][Dim][Lanes], const ReplicaBlock<Dim, Real, Lanes>& block, int left) {
    for (int w = 0; w < Group && w < left; ++w)
      for (int i = 0; i < Dim; ++i)
        for (int lane = 0; lane < Lanes; ++lane) {
          const double move = static_cast<double>(worker[w][i][lane]) - static_cast<double>(block.average[i][lane]);
          moves[i][lane] += move;
          squares[lane] += move * move;
        }
  }
  /// (1/K) sum_w |x_w - mean of the x_w|^2
  QUASAR_HD void write(int num_workers, double* dispersion) const {
    const auto workers = static_cast<double>(num_workers);
    for (int lane = 0; lane < Lanes; ++lane) {
      double variance = squares[lane] / workers;
      for (int i = 0; i < Dim; ++i) variance -= moves[i][lane] / workers * (moves[i][lane] / workers);
      dispersion[lane] = variance < 0.0 ? 0.0 : variance;  // the rounding of a difference; nan stays nan
    }
  }
};

/// Local SGD on Lanes replicas for some rounds: one source for scalar code, SIMD and a CUDA thread (Lanes = 1).
///
///   each worker:  x <- x - eta (grad L(x) + noise of covariance K S),  H times;   then all workers <- their mean
///
/// The mean is taken of the workers' moves since the last average, which keeps it accurate in float.
///
/// dispersion  if given, for each lane (1/K) sum_w |x_w - mean of the x_w|^2 just before the last round's average
/// cost  per worker-step: 1 gradient, noise_dim normals or bits, 3 multiply-adds a dimension; no memory beyond L1
template <int Lanes, int Chunk, WorkerNoiseLaw Law, class Landscape, class Real, class Draws>
QUASAR_HD void advance_rounds(const Landscape& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise,
                              const Draws& draws, std::uint32_t first_replica,
                              ReplicaBlock<Landscape::dim, Real, Lanes>& block, double* dispersion = nullptr) {
  constexpr int kDim = Landscape::dim;
  using Noise = GroupNoise<Law, Landscape::noise_dim, Lanes>;
  constexpr int kGroup = Noise::kWorkers;
  Real noise_size[Landscape::noise_dim];
  for (int i = 0; i < Landscape::noise_dim; ++i)
    noise_size[i] =
        static_cast<Real>(__builtin_sqrt(static_cast<double>(noise.num_workers)) * noise_amplitude(landscape, i));
  const Real weight = Real(1) / static_cast<Real>(noise.num_workers);

  std::int64_t step = rounds.first_step;
  const Real* learning_rate = rounds.learning_rates;
  for (std::int64_t round = 0; round < rounds.num_rounds; ++round) {
    const std::int64_t period = rounds.periods[round];
    Real sum_of_moves[kDim][Lanes] = {};
    const bool measured = dispersion != nullptr && round + 1 == rounds.num_rounds;
    WorkerSpread<kDim, Lanes> spread;
    if (measured || Lanes == 1) spread.clear();  // the compiler does not see that one lane's is not read otherwise
    for (int first_worker = 0; first_worker < noise.num_workers; first_worker += kGroup) {
      Real worker[kGroup][kDim][Lanes];
      for (int w = 0; w < kGroup; ++w)
        for (int i = 0; i < kDim; ++i)
          for (int lane = 0; lane < Lanes; ++lane) worker[w][i][lane] = block.average[i][lane];

      Noise group_noise;
      for (std::int64_t h = 0, steps = 0; h < period; h += steps) {
        steps = group_noise.take(draws, noise.seed, first_replica, static_cast<std::uint64_t>(step + h),
                                 static_cast<std::uint32_t>(first_worker / kGroup), period - h);
        for (int lane = 0; lane < Lanes; lane += Chunk)
          advance_chunk<Chunk>(landscape, group_noise, noise_size, learning_rate + h, static_cast<int>(steps), lane,
                               worker);
      }

      for (int w = 0; w < kGroup && first_worker + w < noise.num_workers; ++w)
        for (int i = 0; i < kDim; ++i)
          for (int lane = 0; lane < Lanes; ++lane) sum_of_moves[i][lane] += worker[w][i][lane] - block.average[i][lane];
      if (measured) spread.add(worker, block, noise.num_workers - first_worker);
    }
    if (measured) spread.write(noise.num_workers, dispersion);

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
