#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <variant>

#include "core/random.h"
#include "toy_models/landscape.h"
#include "toy_models/local_sgd_kernel.h"

namespace quasar {

/// What makes a worker's gradient noisy.
namespace toy_noise {

/// The landscape's noise with standard normals: the law of the fast kernel.
struct Gaussian {};
/// The landscape's noise with fair signs, one bit each: label noise, where the landscape's noise is on labels.
struct LabelNoise {};
/// The landscape's noise with a multivariate Student t vector of the same covariance: one heavy-tailed factor a gradient.
struct StudentT {
  int degrees_of_freedom;  ///< nu >= 3, so that there is a covariance
};
/// The mean of sample gradients in place of the landscape's noise. Without replacement a worker goes through all samples
/// in an order of its own, a new one each epoch; a batch may straddle two epochs.
struct MiniBatch {
  int local_batch_size;
  bool replacement;
};

}  // namespace toy_noise

using ToyNoise = std::variant<toy_noise::Gaussian, toy_noise::LabelNoise, toy_noise::StudentT, toy_noise::MiniBatch>;
inline constexpr int kMostDegreesOfFreedom = 100;

/// A landscape that is the mean of num_samples losses: sample_gradient(x, i, g) is the gradient of the i-th.
template <class L>
concept FiniteSum = Landscape<L> && requires(const L& landscape, const double* x, double* g) {
  requires L::num_samples >= 1;
  landscape.sample_gradient(x, 0, g);
};

/// Which worker's draws.
struct WorkerName {
  std::uint64_t seed;
  std::uint32_t replica;
  std::uint32_t worker;
};

/// What the fast kernel draws for this worker: its share of its group's numbers.
template <WorkerNoiseLaw Law, int NoiseDim>
void worker_draws(const WorkerName& who, std::int64_t step, double xi[NoiseDim]) {
  using Group = GroupNoise<Law, NoiseDim, 1>;
  Group noise;
  noise.take(SingleDraws{}, who.seed, who.replica, static_cast<std::uint64_t>(step), who.worker / Group::kWorkers, 1);
  const typename Group::template InLanes<1, double> own(noise, 0);
  const int first = static_cast<int>(who.worker % Group::kWorkers) * NoiseDim;
  for (int i = 0; i < NoiseDim; ++i) xi[i] = own.value(1.0, first + i, 0);
}

/// What makes normals z a Student t vector of unit covariance:  sqrt((nu - 2) / chi2_nu),  chi2_nu a sum of nu squares.
///
/// cost  ceil(nu/4) draws of four normals, whatever their values
inline double student_factor(const WorkerName& who, std::int64_t step, int degrees_of_freedom) {
  constexpr std::uint32_t kFirstIndex = 1u << 20;  // apart from worker_draws
  double chi_square = 0.0;
  for (int i = 0; i < degrees_of_freedom; i += 4) {
    float z[4];
    normals({who.seed, Use::toy_noise, who.replica, static_cast<std::uint64_t>(step), who.worker,
             kFirstIndex + static_cast<std::uint32_t>(i) / 4},
            z);
    for (int j = 0; j < 4 && i + j < degrees_of_freedom; ++j) {
      const double normal = static_cast<double>(z[j]);
      chi_square = fused_multiply_add(normal, normal, chi_square);
    }
  }
  return __builtin_sqrt((degrees_of_freedom - 2) / chi_square);
}

/// The orders in which a worker visits N samples: order e is a pure function of (seed, replica, worker, e).
///
/// Holds the last order asked for, so that asking in turn costs N draws an epoch.
template <int N>
class WorkerOrder {
 public:
  explicit WorkerOrder(const WorkerName& who) : who_(who) {}

  /// The sample at a place of the worker's endless stream of visits.
  int sample(std::int64_t place) {
    if (place / N != epoch_) shuffle(place / N);
    return order_[place % N];
  }

 private:
  /// Fisher and Yates in Durstenfeld's form.
  void shuffle(std::int64_t epoch) {
    epoch_ = epoch;
    for (int i = 0; i < N; ++i) order_[i] = i;
    for (int i = N - 1; i > 0; --i) {
      const Words random = words({who_.seed, Use::sample_order, who_.replica, static_cast<std::uint64_t>(epoch),
                                  who_.worker, static_cast<std::uint32_t>(i)});
      const auto j = uniform_below(random.w[0], random.w[1], static_cast<std::uint32_t>(i) + 1);
      const int swapped = order_[i];
      order_[i] = order_[j];
      order_[j] = swapped;
    }
  }

  WorkerName who_;
  std::int64_t epoch_ = -1;
  int order_[N];
};

/// The sample at a place of the worker's stream when samples are drawn with replacement.
inline int drawn_sample(const WorkerName& who, std::int64_t place, int num_samples) {
  const Words random =
      words({who.seed, Use::sample_choice, who.replica, static_cast<std::uint64_t>(place), who.worker});
  return static_cast<int>(uniform_below(random.w[0], random.w[1], static_cast<std::uint32_t>(num_samples)));
}

/// Stochastic gradients of one worker, step after step.
template <class L>
class WorkerGradients {
 public:
  WorkerGradients(const L& landscape, const ToyNoise& law, const WorkerNoise& noise, const WorkerName& who)
      : landscape_(landscape),
        law_(law),
        who_(who),
        noise_size_(__builtin_sqrt(static_cast<double>(noise.num_workers))),
        order_(who) {}

  /// g = grad L(x) + noise of this step.
  ///
  /// Not checked: that a landscape for MiniBatch is a FiniteSum; others get no noise.
  void operator()(std::int64_t step, const double* x, double* g) {
    if (const auto* batch = std::get_if<toy_noise::MiniBatch>(&law_)) return mean_of_samples(*batch, step, x, g);
    double size = noise_size_, xi[L::noise_dim];
    if (std::holds_alternative<toy_noise::LabelNoise>(law_))
      worker_draws<WorkerNoiseLaw::signs, L::noise_dim>(who_, step, xi);
    else
      worker_draws<WorkerNoiseLaw::gaussian, L::noise_dim>(who_, step, xi);
    if (const auto* student = std::get_if<toy_noise::StudentT>(&law_))
      size *= student_factor(who_, step, student->degrees_of_freedom);
    for (int i = 0; i < L::noise_dim; ++i) xi[i] *= size * noise_amplitude(landscape_, i);
    landscape_.noisy_gradient(x, static_cast<const double*>(xi), g);
  }

 private:
  static constexpr int num_samples() {
    if constexpr (FiniteSum<L>)
      return L::num_samples;
    else
      return 1;
  }

  void mean_of_samples(const toy_noise::MiniBatch& batch, std::int64_t step, const double* x, double* g) {
    if constexpr (FiniteSum<L>) {
      for (int i = 0; i < L::dim; ++i) g[i] = 0.0;
      for (int j = 0; j < batch.local_batch_size; ++j) {
        const std::int64_t place = step * batch.local_batch_size + j;
        double sample[L::dim];
        landscape_.sample_gradient(
            x, batch.replacement ? drawn_sample(who_, place, num_samples()) : order_.sample(place), sample);
        for (int i = 0; i < L::dim; ++i) g[i] += sample[i];
      }
      for (int i = 0; i < L::dim; ++i) g[i] /= batch.local_batch_size;
    } else {
      landscape_.gradient(x, g);
    }
  }

  const L& landscape_;
  const ToyNoise& law_;
  WorkerName who_;
  double noise_size_;
  WorkerOrder<num_samples()> order_;
};

}  // namespace quasar
