#pragma once

#include <vector>

#include "toy_models/dynamic_landscape.h"
#include "toy_models/local_sgd_kernel.h"

namespace quasar {

template <class Real, int Lanes>
struct alignas(Lanes * sizeof(Real) % 64 == 0 ? 64 : alignof(Real)) LaneRow {
  Real lane[Lanes];
  Real& operator[](int l) { return lane[l]; }
  const Real& operator[](int l) const { return lane[l]; }
};

/// The averages of a block of replicas of a dimension known only when running.
template <class Real, int Lanes>
struct ReplicaBlock<Eigen::Dynamic, Real, Lanes> {
  std::vector<LaneRow<Real, Lanes>> average;
  std::uint32_t left_domain[Lanes];
};

/// The noise of one worker at one step after the other, in rows: the draws of GroupNoise for more than four components,
/// so that a worker has draws of its own, whose bits depend on (seed, replica, step, worker) alone.
template <WorkerNoiseLaw Law, int Lanes, int Stride = Lanes>
struct DynamicNoise;

template <int Lanes, int Stride>
struct DynamicNoise<WorkerNoiseLaw::gaussian, Lanes, Stride> {
  static Eigen::Index rows_of_words(Eigen::Index) { return 0; }

  template <class Real, class Draws>
  QUASAR_HD static void fill(const Draws& draws, Draw draw, Eigen::Index count, Real size, bool, std::uint32_t*,
                             Real* noise) {
    for (Eigen::Index first = 0; first < count; first += 4, ++draw.index) {
      float z[4][Lanes];
      draws.normals(draw, z);
      for (int c = 0; c < 4 && first + c < count; ++c)
        for (int l = 0; l < Lanes; ++l) noise[(first + c) * Stride + l] = size * static_cast<Real>(z[c][l]);
    }
  }
};

/// A draw of four words serves four components of 32 steps, a bit a step from the highest on.
template <int Lanes, int Stride>
struct DynamicNoise<WorkerNoiseLaw::signs, Lanes, Stride> {
  static Eigen::Index rows_of_words(Eigen::Index count) { return (count + 3) / 4 * 4; }

  /// words  of rows_of_words(count), kept from one step to the next; drawn at the first of a round and of each 32
  template <class Real, class Draws>
  QUASAR_HD static void fill(const Draws& draws, Draw draw, Eigen::Index count, Real size, bool first_of_round,
                             std::uint32_t* words, Real* noise) {
    const auto used = static_cast<int>(draw.step % 32);
    if (first_of_round || used == 0) {
      draw.step /= 32;
      draw.use = Use::toy_signs;
      for (Eigen::Index first = 0; first < count; first += 4, ++draw.index) {
        std::uint32_t four[4][Lanes];
        draws.words(draw, four);
        for (int c = 0; c < 4; ++c)
          for (int l = 0; l < Lanes; ++l) words[(first + c) * Stride + l] = four[c][l];
      }
    }
    constexpr int kToTheTop = 8 * sizeof(Real) - 32;
    for (Eigen::Index i = 0; i < count; ++i)
      for (int l = 0; l < Lanes; ++l)
        noise[i * Stride + l] =
            negate_by_top_bit(size, static_cast<WordOf<Real>>(words[i * Stride + l]) << kToTheTop << used);
  }
};

/// The rows that advance_dynamic_rounds() works in, so that it needs no memory of its own.
template <class Real>
struct DynamicRows {
  Real *average, *worker, *sum_of_moves, *gradient;  ///< size() rows each
  Real* noise;                                       ///< noise_dim()
  Real* scratch;                                     ///< scratch_rows()
  std::uint32_t* words;                              ///< DynamicNoise::rows_of_words()
  double* moves;                                     ///< size(), for the dispersion
};

/// Memory for them.
template <WorkerNoiseLaw Law, class Real, int Lanes>
struct DynamicWorkspace {
  std::vector<LaneRow<Real, Lanes>> average, worker, sum_of_moves, gradient, noise, scratch;
  std::vector<LaneRow<std::uint32_t, Lanes>> words;
  std::vector<LaneRow<double, Lanes>> moves;

  template <DynamicSteps S>
  explicit DynamicWorkspace(const S& steps) {
    const auto size = static_cast<std::size_t>(steps.size());
    for (auto* rows : {&average, &worker, &sum_of_moves, &gradient}) rows->resize(size);
    noise.resize(static_cast<std::size_t>(steps.noise_dim()));
    scratch.resize(static_cast<std::size_t>(steps.scratch_rows()));
    words.resize(static_cast<std::size_t>(DynamicNoise<Law, Lanes>::rows_of_words(steps.noise_dim())));
    moves.resize(size);
  }

  /// The rows from a lane on.
  DynamicRows<Real> rows(int lane = 0) {
    const auto flat = [lane]<class T>(std::vector<LaneRow<T, Lanes>>& rows) {
      return reinterpret_cast<T*>(rows.data()) + lane;
    };
    return {flat(average), flat(worker),  flat(sum_of_moves), flat(gradient),
            flat(noise),   flat(scratch), flat(words),        flat(moves)};
  }
};

/// Local SGD on Lanes replicas for some rounds: advance_rounds() for a dimension known only when running.
///
///   each worker:  x <- x - eta (grad L(x) + noise of covariance K S),  H times;   then all workers <- their mean
///
/// space.average  of the replicas, replaced by that after the rounds; Stride as in DynamicSteps
/// left_domain    of each lane: becomes 1 if after some round a coordinate is not finite or beyond kDomainBound
/// dispersion     if given, for each lane (1/K) sum_w |x_w - mean of the x_w|^2 just before the last round's average
/// cost  per worker-step: 1 gradient, noise_dim normals or bits, 1 multiply-add a dimension
template <int Lanes, WorkerNoiseLaw Law, int Stride = Lanes, class S, class Real, class Draws>
QUASAR_HD void advance_dynamic_rounds(const S& steps, const RoundsView<Real>& rounds, const WorkerNoise& noise,
                                      const Draws& draws, std::uint32_t first_replica, const DynamicRows<Real>& space,
                                      std::uint32_t* left_domain, double* dispersion = nullptr) {
  const Eigen::Index numbers = steps.size() * Stride, noise_dim = steps.noise_dim();
  Real *const average = space.average, *const x = space.worker, *const sum_of_moves = space.sum_of_moves;
  Real* const g = space.gradient;
  double* const moves = space.moves;
  const auto noise_size =
      static_cast<Real>(square_root(static_cast<double>(noise.num_workers)) * steps.noise_amplitude());
  const auto workers = static_cast<double>(noise.num_workers);
  const Real weight = Real(1) / static_cast<Real>(noise.num_workers);

  std::int64_t step = rounds.first_step;
  const Real* learning_rate = rounds.learning_rates;
  for (std::int64_t round = 0; round < rounds.num_rounds; ++round) {
    const std::int64_t period = rounds.periods[round];
    const bool measured = dispersion != nullptr && round + 1 == rounds.num_rounds;
    for (int l = 0; measured && l < Lanes; ++l) {
      dispersion[l] = 0.0;
      for (Eigen::Index i = 0; i < numbers; i += Stride) moves[i + l] = 0.0;
    }
    rows::fill<Lanes, Stride>(Real(0), sum_of_moves, steps.size());
    for (int worker = 0; worker < noise.num_workers; ++worker) {
      for (Eigen::Index i = 0; i < numbers; i += Stride)
        for (int l = 0; l < Lanes; ++l) x[i + l] = average[i + l];
      for (std::int64_t h = 0; h < period; ++h) {
        const Draw draw{noise.seed, Use::toy_noise, first_replica, static_cast<std::uint64_t>(step + h),
                        static_cast<std::uint32_t>(worker)};
        DynamicNoise<Law, Lanes, Stride>::fill(draws, draw, noise_dim, noise_size, h == 0, space.words, space.noise);
        steps.template noisy_gradient<Lanes, Stride>(x, space.noise, g, space.scratch);
        for (Eigen::Index i = 0; i < numbers; i += Stride) rows::add_product<Lanes>(-learning_rate[h], g + i, x + i);
      }
      for (Eigen::Index i = 0; i < numbers; i += Stride)
#pragma GCC ivdep
        for (int l = 0; l < Lanes; ++l) sum_of_moves[i + l] += x[i + l] - average[i + l];
      for (Eigen::Index i = 0; measured && i < numbers; i += Stride)
        for (int l = 0; l < Lanes; ++l) {
          const double move = static_cast<double>(x[i + l]) - static_cast<double>(average[i + l]);
          moves[i + l] += move;
          dispersion[l] += move * move / workers;
        }
    }
    for (int l = 0; measured && l < Lanes; ++l) {
      for (Eigen::Index i = 0; i < numbers; i += Stride)
        dispersion[l] -= moves[i + l] / workers * (moves[i + l] / workers);
      if (dispersion[l] < 0.0) dispersion[l] = 0.0;  // the rounding of a difference; nan stays nan
    }

    for (Eigen::Index i = 0; i < numbers; i += Stride)
      for (int l = 0; l < Lanes; ++l) {
        average[i + l] = fused_multiply_add(weight, sum_of_moves[i + l], average[i + l]);
        const bool inside = average[i + l] <= Real(kDomainBound) && average[i + l] >= Real(-kDomainBound);
        left_domain[l] |= inside ? 0u : 1u;  // also for nan
      }
    step += period;
    learning_rate += period;
  }
}

}  // namespace quasar
