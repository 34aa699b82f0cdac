#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <numbers>
#include <string>

#include "core/drift_factors.h"
#include "core/estimate.h"
#include "tests/toy_models/ensemble_for_tests.h"
#include "toy_models/ellipse.h"
#include "toy_models/river.h"
#include "toy_models/sphere.h"
#include "toy_models/turning_valley.h"

namespace quasar {
namespace {

constexpr int kWorkers = 4;
constexpr double kEta = 0.02, kTime = 1.0;

/// Moments of an observable of the projected average after the slow time 1, over replicas of Local SGD with period H.
template <class L>
RunningMoments moments_of(const L& landscape, const Vec<L::dim>& start, std::int64_t period, std::int64_t replicas,
                          const std::function<double(const Vec<L::dim>&)>& observable, double eta = kEta,
                          double slow_time = kTime) {
  EnsembleOptions options;
  options.num_workers = kWorkers;
  options.replicas = replicas;
  options.seed = 2026;
  const std::int64_t steps = std::llround(slow_time / (eta * eta));
  const Observable<L::dim> projected = [&](const auto& seen) { return observable(seen.projected); };
  return run_ensemble(landscape, start, constant_schedule(eta, steps, period), options, {projected}, {})
      .back()
      .observables[0];
}

/// Agreement within 4 s.e. and a derived bias; the nearest wrong theory must be excluded by the same rule.
void expect_agreement(const Estimate& measured, double theory, double bias, double wrong_theory,
                      const std::string& what) {
  SCOPED_TRACE(what + ": measured " + std::to_string(measured.mean) + " +- " + std::to_string(measured.standard_error) +
               ", theory " + std::to_string(theory) + ", bias " + std::to_string(bias) + ", wrong theory " +
               std::to_string(wrong_theory));
  const double allowed = 4 * measured.standard_error + bias;
  EXPECT_NEAR(measured.mean, theory, allowed);
  EXPECT_GT(std::abs(measured.mean - wrong_theory), allowed) << "the test cannot tell";
}

TEST(RiverEnsemble, HasTheOrnsteinUhlenbeckMeanAndVarianceOfItsRegime) {
  using namespace drift_weights;
  const River river{1.0, 1.0, 1.0, 0.5};
  struct Case {
    std::string name;
    std::int64_t period;
    double multiplier, wrong;
  };
  // Of QSR only the limit of long rounds is OU.
  for (const auto& [name, period, m, wrong] :
       {Case{"SGD", 1, 1.0, DriftWeights{LocalSgd{0.5}, kWorkers}(1.0, 1.0)}, Case{"QSR", 500, 4.0, 3.0}}) {
    // The bias of order eta: where l is least, the multiplier at finite (eta, H), and the fast direction's lag
    // eta/(2 l) before the drift begins.
    const double finite = DriftWeights{FiniteStep{kEta, period}, kWorkers}(river.stiffness, river.stiffness);
    const double lag = kEta / (2 * river.stiffness);
    const auto bias = [&](const auto& law) {
      return std::abs(law(kTime, finite) - law(kTime, m)) + std::abs(law(kTime - lag, m) - law(kTime, m));
    };
    const auto mean = [&](double time, double multiplier) { return river.mean_of_y(1.0, time, multiplier); };
    const auto variance = [&](double time, double multiplier) { return river.variance_of_y(time, multiplier); };
    const auto y = moments_of(river, {0.0, 1.0}, period, 6'000, [](const Vec<2>& x) { return x[1]; });
    expect_agreement(y.estimate(), mean(kTime, m), bias(mean), mean(kTime, wrong), name + ", mean");
    const Estimate spread{y.variance(), y.variance() * std::sqrt(2.0 / static_cast<double>(y.count()))};
    expect_agreement(spread, variance(kTime, m), bias(variance), variance(kTime, wrong), name + ", variance");
  }
}

/// Romberg's extrapolation to eta = 0 from eta, eta/2 and eta/4 at one eta H: neither the term of order eta nor that of
/// order eta^2 is left, so that nothing has to be known of either.
template <class Measure>
Estimate extrapolate_twice(double eta, const Measure& measure) {
  const Estimate at[] = {measure(eta), measure(eta / 2), measure(eta / 4)};
  const double weight[] = {1.0 / 3, -2.0, 8.0 / 3};
  Estimate result{0.0, 0.0};
  for (int i = 0; i < 3; ++i) {
    result.mean += weight[i] * at[i].mean;
    result.standard_error = std::hypot(result.standard_error, weight[i] * at[i].standard_error);
    std::printf("eta = %g: %.5f +- %.5f\n", eta / (1 << i), at[i].mean, at[i].standard_error);
  }
  std::printf("eta -> 0: %.5f +- %.5f\n", result.mean, result.standard_error);
  return result;
}

// Toy T6: a round that ends at slow time tau leaves |mean of the workers|^2 = 1/K + (1 - 1/K) e^{-(d-1) K s2 tau}, which is
// why H ~ 1/eta^3 leaves the manifold.
TEST(SphereEnsemble, TheAverageOfALongRoundShrinksTowardsTheCentre) {
  constexpr double kVariance = 0.4, kTau = 0.3;
  const Sphere<3> sphere{4.0, std::sqrt(kVariance)};
  const Observable<3> square = [](const auto& seen) { return seen.average.squaredNorm(); };
  const auto at = [&](double eta) {
    EnsembleOptions options;
    options.num_workers = kWorkers;
    options.replicas = 4000;
    options.seed = 2026;
    const std::int64_t steps = std::llround(kTau / (eta * eta));
    return run_ensemble(sphere, Vec<3>(0.0, 0.6, 0.8), constant_schedule(eta, steps, steps), options, {square}, {})
        .back()
        .observables[0]
        .estimate();
  };
  const auto theory = [&](double workers) {
    return 1.0 / kWorkers + (1.0 - 1.0 / kWorkers) * std::exp(-2.0 * workers * kVariance * kTau);
  };
  expect_agreement(extrapolate_to_zero(0.04, at(0.04), 0.02, at(0.02)), theory(kWorkers), 0.0, theory(kWorkers - 1),
                   "consensus");
}

TEST(SphereEnsemble, LosesItsStartAtTheSameRateInEveryRegime) {
  const Sphere<3> sphere{4.0, std::sqrt(0.4)};
  const double theory = sphere.mean_overlap(kTime);
  for (const double beta : {0.0, 0.5}) {
    const Estimate overlap = extrapolate_twice(0.05, [&](double eta) {
      const auto period = std::max<std::int64_t>(1, std::llround(beta / eta));
      return moments_of(
                 sphere, Vec<3>::UnitX(), period, 4'000, [](const Vec<3>& x) { return x[0]; }, eta)
          .estimate();
    });
    expect_agreement(overlap, theory, 0.0, std::pow(theory, 4.0 / 3.0), "eta H = " + std::to_string(beta));
  }
}

/// E cos 2 phi of the stationary law on an ellipse, p ~ (1/D) exp(integral of 2 b/D), by sums over the period.
double stationary_anisotropy(const Ellipse& ellipse, const DriftWeights& weights) {
  constexpr int kPoints = 2000;  // of half the ellipse: everything has the period pi
  constexpr double kStep = std::numbers::pi / kPoints;
  const auto ratio = [&](double phi) {
    const double l = ellipse.steepness(phi);
    return 2 * ellipse.drift_of_angle(phi, weights(l, l), weights(l, 0)) / std::pow(ellipse.diffusion_of_angle(phi), 2);
  };
  double exponent = 0, sum = 0, total = 0;
  for (int i = 0; i < kPoints; ++i) {
    const double phi = i * kStep;
    const double density = std::exp(exponent) / std::pow(ellipse.diffusion_of_angle(phi), 2);
    sum += density * std::cos(2 * phi);
    total += density;
    exponent += kStep * ratio(phi + 0.5 * kStep);
  }
  EXPECT_NEAR(exponent, 0.0, 1e-4);  // no flux round the ellipse
  return sum / total;
}

TEST(EllipseEnsemble, LivesWhereItIsFlatAsTheStationaryLawOfItsRegime) {
  using namespace drift_weights;
  const Ellipse ellipse{4.0, 1.25, 0.8, 0.8, 1.0};
  constexpr double kLongTime = 3.0;  // the slowest mode has decayed to e^-5 of its start, which is at the mean
  for (const double beta : {0.0, 0.48}) {
    const DriftWeights weights{LocalSgd{beta}, kWorkers};
    const DriftWeights wrong{LocalSgd{beta == 0.0 ? 0.1 : beta}, beta == 0.0 ? kWorkers : kWorkers - 1};
    const double theory = stationary_anisotropy(ellipse, weights), start = 0.5 * std::acos(theory);
    const auto measured = [&](double eta) {
      const auto period = std::max<std::int64_t>(1, std::llround(beta / eta));
      return moments_of(
                 ellipse, ellipse.point(start), period, 8'000,
                 [&](const Vec<2>& x) { return std::cos(2 * ellipse.angle(x)); }, eta, kLongTime)
          .estimate();
    };
    const Estimate limit = extrapolate_to_zero(0.04, measured(0.04), 0.02, measured(0.02));
    expect_agreement(limit, theory, 0.0, stationary_anisotropy(ellipse, wrong), "eta H = " + std::to_string(beta));
  }
}

TEST(TurningValleyEnsemble, TurnsItsSteepDirectionAwayFromTheNoiseAtTheRateOfItsRegime) {
  using namespace drift_weights;
  // Without noise along z the Slow SDE is an ODE: tan cz(t) = tan cz(0) e^(r m t), r = c^2 G (sx2 - sy2).
  const TurningValley valley{4.0, 1.0, 1.0, 1.0, 0.3, 0.0};
  const auto height = [&](double time, double multiplier) {
    return std::atan(std::tan(0.4) * std::exp(0.6 * 0.91 * multiplier * time));
  };
  for (const double beta : {0.0, 1.0}) {
    const Estimate z = extrapolate_twice(0.04, [&](double eta) {
      const auto period = std::max<std::int64_t>(1, std::llround(beta / eta));
      return moments_of(
                 valley, {0.0, 0.0, 0.4}, period, 2'000, [](const Vec<3>& x) { return x[2]; }, eta)
          .estimate();
    });
    const double m = DriftWeights{LocalSgd{beta}, kWorkers}(4.0, 1.0);
    const double wrong = beta == 0.0 ? 1.0 - 1.0 / kWorkers : DriftWeights{LocalSgd{beta}, kWorkers - 1}(4.0, 1.0);
    expect_agreement(z, height(kTime, m), 0.0, height(kTime, wrong), "eta H = " + std::to_string(beta));
  }
}

}  // namespace
}  // namespace quasar
