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
template <WorkerNoiseLaw Law, int Lanes>
struct DynamicNoise;

template <int Lanes>
struct DynamicNoise<WorkerNoiseLaw::gaussian, Lanes> {
  static Eigen::Index rows_of_words(Eigen::Index) { return 0; }

  template <class Real, class Draws>
  QUASAR_HD static void fill(const Draws& draws, Draw draw, Eigen::Index count, Real size, bool, std::uint32_t*,
                             Real* noise) {
    for (Eigen::Index first = 0; first < count; first += 4, ++draw.index) {
      float z[4][Lanes];
      draws.normals(draw, z);
      for (int c = 0; c < 4 && first + c < count; ++c)
        for (int l = 0; l < Lanes; ++l) noise[(first + c) * Lanes + l] = size * static_cast<Real>(z[c][l]);
    }
  }
};

/// A draw of four words serves four components of 32 steps, a bit a step from the highest on.
template <int Lanes>
struct DynamicNoise<WorkerNoiseLaw::signs, Lanes> {
  static Eigen::Index rows_of_words(Eigen::Index count) { return (count + 3) / 4 * 4; }

  /// words  of rows_of_words(count), kept from one step to the next; drawn at the first of a round and of each 32
  template <class Real, class Draws>
  QUASAR_HD static void fill(const Draws& draws, Draw draw, Eigen::Index count, Real size, bool first_of_round,
                             std::uint32_t* words, Real* noise) {
    const auto used = static_cast<int>(draw.step % 32);
    if (first_of_round || used == 0) {
      draw.step /= 32;
      draw.use = Use::toy_signs;
      for (Eigen::Index first = 0; first < count; first += 4, ++draw.index)
        draws.words(draw, reinterpret_cast<std::uint32_t(*)[Lanes]>(words + first * Lanes));
    }
    constexpr int kToTheTop = 8 * sizeof(Real) - 32;
    for (Eigen::Index i = 0; i < count; ++i)
      for (int l = 0; l < Lanes; ++l)
        noise[i * Lanes + l] =
            negate_by_top_bit(size, static_cast<WordOf<Real>>(words[i * Lanes + l]) << kToTheTop << used);
  }
};

/// What advance_dynamic_rounds() works in, so that it needs no memory of its own.
template <WorkerNoiseLaw Law, class Real, int Lanes>
struct DynamicWorkspace {
  std::vector<LaneRow<Real, Lanes>> average, worker, sum_of_moves, gradient, noise, scratch;
  std::vector<LaneRow<std::uint32_t, Lanes>> words;
  std::vector<LaneRow<double, Lanes>> moves;  ///< for the dispersion

  /// The rows as one array.
  template <class T>
  static T* flat(std::vector<LaneRow<T, Lanes>>& rows) {
    return reinterpret_cast<T*>(rows.data());
  }

  template <DynamicLandscape L>
  explicit DynamicWorkspace(const L& landscape) {
    const auto size = static_cast<std::size_t>(landscape.size());
    for (auto* rows : {&average, &worker, &sum_of_moves, &gradient}) rows->resize(size);
    noise.resize(static_cast<std::size_t>(landscape.noise_dim()));
    scratch.resize(static_cast<std::size_t>(landscape.scratch_rows()));
    words.resize(static_cast<std::size_t>(DynamicNoise<Law, Lanes>::rows_of_words(landscape.noise_dim())));
    moves.resize(size);
  }
};

/// Local SGD on Lanes replicas for some rounds: advance_rounds() for a dimension known only when running.
///
///   each worker:  x <- x - eta (grad L(x) + noise of covariance K S),  H times;   then all workers <- their mean
///
/// space.average  of the replicas, replaced by that after the rounds
/// left_domain    of each lane: becomes 1 if after some round a coordinate is not finite or beyond kDomainBound
/// dispersion     if given, for each lane (1/K) sum_w |x_w - mean of the x_w|^2 just before the last round's average
/// cost  per worker-step: 1 gradient, noise_dim normals or bits, 1 multiply-add a dimension
template <int Lanes, WorkerNoiseLaw Law, class L, class Real, class Draws>
QUASAR_HD void advance_dynamic_rounds(const L& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise,
                                      const Draws& draws, std::uint32_t first_replica,
                                      DynamicWorkspace<Law, Real, Lanes>& space, std::uint32_t* left_domain,
                                      double* dispersion = nullptr) {
  const Eigen::Index numbers = landscape.size() * Lanes, noise_dim = landscape.noise_dim();
  Real *const average = space.flat(space.average), *const x = space.flat(space.worker);
  Real *const sum_of_moves = space.flat(space.sum_of_moves), *const g = space.flat(space.gradient);
  Real *const xi = space.flat(space.noise), *const scratch = space.flat(space.scratch);
  std::uint32_t* const words = space.flat(space.words);
  double* const moves = space.flat(space.moves);
  const auto noise_size =
      static_cast<Real>(__builtin_sqrt(static_cast<double>(noise.num_workers)) * landscape.noise_amplitude());
  const auto workers = static_cast<double>(noise.num_workers);
  const Real weight = Real(1) / static_cast<Real>(noise.num_workers);

  std::int64_t step = rounds.first_step;
  const Real* learning_rate = rounds.learning_rates;
  for (std::int64_t round = 0; round < rounds.num_rounds; ++round) {
    const std::int64_t period = rounds.periods[round];
    const bool measured = dispersion != nullptr && round + 1 == rounds.num_rounds;
    if (measured) {
      for (Eigen::Index i = 0; i < numbers; ++i) moves[i] = 0.0;
      for (int l = 0; l < Lanes; ++l) dispersion[l] = 0.0;
    }
    for (Eigen::Index i = 0; i < numbers; ++i) sum_of_moves[i] = Real(0);
    for (int worker = 0; worker < noise.num_workers; ++worker) {
#pragma GCC ivdep
      for (Eigen::Index i = 0; i < numbers; ++i) x[i] = average[i];
      for (std::int64_t h = 0; h < period; ++h) {
        const Draw draw{noise.seed, Use::toy_noise, first_replica, static_cast<std::uint64_t>(step + h),
                        static_cast<std::uint32_t>(worker)};
        DynamicNoise<Law, Lanes>::fill(draws, draw, noise_dim, noise_size, h == 0, words, xi);
        landscape.template noisy_gradient<Lanes>(x, xi, g, scratch);
        const Real minus_learning_rate = -learning_rate[h];
#pragma GCC ivdep
        for (Eigen::Index i = 0; i < numbers; ++i) x[i] = fused_multiply_add(minus_learning_rate, g[i], x[i]);
      }
#pragma GCC ivdep
      for (Eigen::Index i = 0; i < numbers; ++i) sum_of_moves[i] += x[i] - average[i];
      for (Eigen::Index i = 0; measured && i < numbers; ++i) {
        const double move = static_cast<double>(x[i]) - static_cast<double>(average[i]);
        moves[i] += move;
        dispersion[i % Lanes] += move * move / workers;
      }
    }
    for (Eigen::Index i = 0; measured && i < numbers; ++i)
      dispersion[i % Lanes] -= moves[i] / workers * (moves[i] / workers);
    for (int l = 0; measured && l < Lanes; ++l)
      if (dispersion[l] < 0.0) dispersion[l] = 0.0;  // the rounding of a difference; nan stays nan

    for (Eigen::Index i = 0; i < numbers; i += Lanes)
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
