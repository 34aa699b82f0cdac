#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

#include "core/drift_factors.h"
#include "core/estimate.h"
#include "core/random.h"
#include "toy_models/adam_periodic_valley.h"

namespace quasar {
namespace {

// T13b: Adam itself on the periodic valley, each replica beside a path of its slow SDE that is driven by the same noise,
//   dY = -(1/2) sin Y (m/K') dt + dW/sqrt K',   K' = 1: parallel,  K: Local Adam,
// and that starts from its stationary law, which it keeps. So E cos y of Adam is the law's plus the mean difference.

constexpr PeriodicValley kValley{1.0, 0.5};
constexpr double kMomentum = 0.5, kAveragingRate = 0.1;  // b1, (1 - b2)/eta^2

struct Algorithm {
  const char* name;
  std::size_t num_workers;
  double round_time;  ///< eta H; 0 for data parallel
  double slow_time;
  std::uint32_t replicas;

  bool local() const { return round_time > 0; }
  std::size_t optimizers() const { return local() ? num_workers : 1; }  ///< K'
  AdamPeriodicValley theory() const { return {kValley, static_cast<int>(optimizers()), round_time}; }
};

struct Worker {
  Vec<2> x, m, v;
  void step(double eta, const double* noise) {
    Vec<2> g;
    kValley.noisy_gradient(x.data(), noise, g.data());
    m = kMomentum * m + (1 - kMomentum) * g;
    v += kAveragingRate * eta * eta * (g.cwiseAbs2() - v);
    x -= eta * m.cwiseQuotient(v.cwiseSqrt());
  }
  /// Where the velocity would take x by itself: it has all of the noise so far, as the slow path has.
  Vec<2> at_rest(double eta) const { return x - eta * kMomentum / (1 - kMomentum) * m.cwiseQuotient(v.cwiseSqrt()); }
};

/// The stationary density ~ exp(-integral of m sin) on a grid, and its quantiles.
struct StationaryLaw {
  std::vector<double> y, cumulative;
  double mean_cosine;
  template <class Multiplier>
  explicit StationaryLaw(const Multiplier& multiplier) {
    constexpr int kCells = 2000;
    constexpr double kWidth = 2 * std::numbers::pi / kCells;
    double exponent = 0, sum = 0, cosine = 0;
    for (int i = 0; i < kCells; ++i) {
      const double at = (i + 0.5) * kWidth - std::numbers::pi;
      const double half_a_cell = -0.5 * kWidth * multiplier(at) * std::sin(at);
      exponent += half_a_cell;
      sum += std::exp(exponent);
      cosine += std::exp(exponent) * std::cos(at);
      exponent += half_a_cell;
      y.push_back(at);
      cumulative.push_back(sum);
    }
    mean_cosine = cosine / sum;
    for (double& c : cumulative) c /= sum;
  }
  double quantile(double p) const {
    const auto i = std::lower_bound(cumulative.begin(), cumulative.end(), p) - cumulative.begin();
    return y[static_cast<std::size_t>(i)];
  }
};

/// E cos y of Adam, at the projected average at rest: the law's, plus the mean of cos y - cos Y.
Estimate mean_cosine(const Algorithm& algorithm, double eta) {
  const std::size_t optimizers = algorithm.optimizers();
  const auto of_all = static_cast<double>(optimizers);
  const auto steps = std::lround(algorithm.slow_time / (eta * eta));
  const auto period = algorithm.local() ? std::lround(algorithm.round_time / eta) : 1;
  const StationaryLaw law([&](double y) { return algorithm.theory().multiplier(y); });
  RunningMoments difference;
  for (std::uint32_t replica = 0; replica < algorithm.replicas; ++replica) {
    const double start = law.quantile((replica + 0.5) / algorithm.replicas);
    double slow = start;
    std::vector<Worker> workers(optimizers, Worker{Vec<2>(0, start), Vec<2>(0, 0), Vec<2>(of_all, 0.25 * of_all)});
    for (long step = 0; step < steps; ++step) {
      double kick = 0;
      for (std::uint32_t k = 0; k < optimizers; ++k) {
        float z[4];
        normals({31, Use::toy_noise, replica, static_cast<std::uint64_t>(step), k}, z);
        const double noise[2] = {std::sqrt(of_all) * z[0], std::sqrt(of_all) * z[1]};
        workers[k].step(eta, noise);
        kick -= eta * z[1] / of_all;
      }
      slow += eta * eta * algorithm.theory().drift(slow) + kick;
      if (optimizers > 1 && (step + 1) % period == 0) {
        Vec<2> average = Vec<2>::Zero();
        for (const auto& worker : workers) average += worker.x / of_all;
        for (auto& worker : workers) worker.x = average;
      }
    }
    Vec<2> average = Vec<2>::Zero();
    for (const auto& worker : workers) average += worker.at_rest(eta) / of_all;
    difference.add(std::cos(kValley.project(average)[1]) - std::cos(slow));
  }
  return {law.mean_cosine + difference.mean(), difference.estimate().standard_error};
}

// The bias is proportional to eta, so it is extrapolated from two step sizes.
void expect_law_and_not(const Algorithm& algorithm, double wrong_mean_cosine) {
  constexpr double kEta = 0.1;
  const double law = algorithm.theory().mean_cosine();
  const Estimate coarse = mean_cosine(algorithm, kEta), fine = mean_cosine(algorithm, kEta / 2);
  const Estimate limit = extrapolate_to_zero(kEta, coarse, kEta / 2, fine);
  std::printf("%s: E cos y %.4f +- %.4f, %.4f +- %.4f -> %.4f +- %.4f; theory %.4f, wrong theory %.4f\n",
              algorithm.name, coarse.mean, coarse.standard_error, fine.mean, fine.standard_error, limit.mean,
              limit.standard_error, law, wrong_mean_cosine);
  EXPECT_NEAR(limit.mean, law, 4 * limit.standard_error);
  EXPECT_GT(std::abs(limit.mean - wrong_mean_cosine), 4 * limit.standard_error);
}

TEST(AdamOnThePeriodicValley, ParallelHasItsVonMisesLawAndNotThatOfSgd) {
  const Algorithm parallel{"parallel", 4, 0.0, 4.0, 1000};
  EXPECT_NEAR(parallel.theory().mean_cosine(), 0.446390, 1e-5);
  expect_law_and_not(parallel, kValley.mean_cosine(1));
}

TEST(AdamOnThePeriodicValley, LocalHasTheLawOfPsiAtThePreconditionedEigenvalue) {
  const Algorithm local{"local", 4, 1.0, 8.0, 250};
  const StationaryLaw unscaled([](double y) { return 1 + 3 * psi(2 * std::exp(-std::cos(y))); });  // psi(2 eta H l)
  expect_law_and_not(local, unscaled.mean_cosine);
}

}  // namespace
}  // namespace quasar
