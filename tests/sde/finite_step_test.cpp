#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>

#include "sde/newton_retraction.h"
#include "sde/slow_coefficients.h"
#include "tests/sde/quadratic_constraints.h"

namespace quasar {
namespace {

// The drift at finite (eta, H) on a landscape whose Hessian and noise do not commute, against the covariances of the
// linearised dynamics, which are iterated here as they come from the algorithm, without an eigenbasis:
//   within a round  q <- G q G + eta^2 K S (a worker),  r <- G r G (two workers),  G = I - eta H
//   at its end      q, r <- q/K + (1 - 1/K) r
// The slow drift is the mean over the round's steps of -(1/2) D3L[q]/eta along the manifold.

constexpr int kWorkers = 4;
constexpr double kEta = 0.15;

struct Setting {
  QuadraticConstraints<4> loss = two_constraints_in_four_dimensions();
  Vec<4> zeta;
  Mat<4> covariance, hessian, along;
  Setting() {
    const Vec<4> near = project_by_gradient_flow(loss, Vec<4>(-0.4, 0.8, 0.5, -0.3)).point;
    zeta = project_by_newton(loss, near, near, {1e-15, 1e-6, 3}).point;
    EXPECT_LT(loss.gradient(zeta).norm(), 1e-14);
    covariance = random_symmetric<4>(9) * random_symmetric<4>(9);
    hessian = loss.hessian(zeta);
    along = hessian_modes(loss, zeta, 1e-6).tangent_projector();
  }
  Vec<4> drift(const DriftWeights& weights) const { return slow_coefficients(loss, covariance, zeta, weights).drift; }
};

Vec<4> iterated_drift(const Setting& setting, std::int64_t period) {
  const Mat<4> g = Mat<4>::Identity() - kEta * setting.hessian;
  Mat<4> worker = Mat<4>::Zero(), cross = worker, mean = worker;
  for (int round = 0; round < 6000 / period; ++round) {
    mean.setZero();
    for (std::int64_t step = 0; step < period; ++step) {
      mean += worker / static_cast<double>(period);
      worker = g * worker * g + kEta * kEta * kWorkers * setting.covariance;
      cross = g * cross * g;
    }
    worker = worker / kWorkers + (1.0 - 1.0 / kWorkers) * cross;
    cross = worker;
  }
  const Mat<4> with_a_normal_index = mean - setting.along * mean * setting.along;  // the rest is the diffusion
  return -0.5 / kEta * setting.along * setting.loss.third_derivative(setting.zeta, with_a_normal_index);
}

TEST(FiniteStepDrift, IsThatOfTheCovariancesOfTheAlgorithm) {
  const Setting setting;
  const Mat<4> commutator = setting.hessian * setting.covariance - setting.covariance * setting.hessian;
  EXPECT_GT(commutator.norm(), 0.1);
  for (const std::int64_t period : {1, 2, 9, 60}) {
    const Vec<4> exact = iterated_drift(setting, period);
    const auto error = [&](const DriftWeights& weights) { return (setting.drift(weights) - exact).norm(); };
    const double finite = error({drift_weights::FiniteStep{kEta, period}, kWorkers});
    const double continuous = error({drift_weights::LocalSgd{kEta * static_cast<double>(period)}, kWorkers});
    const double fewer = error({drift_weights::FiniteStep{kEta, period}, kWorkers - 1});
    std::printf("H %2d: drift %.5f, off by %.1e; with psi by %.4f, with one worker less by %.4f\n",
                static_cast<int>(period), exact.norm(), finite, continuous, fewer);
    EXPECT_LT(finite, 1e-11);
    EXPECT_GT(continuous, 0.02 * exact.norm());
    EXPECT_GT(fewer, period == 1 ? -1.0 : 0.02 * exact.norm());
  }
}

TEST(FiniteStepDrift, OfOneStepARoundIsExactlyThatOfOneWorker) {
  const Setting setting;
  EXPECT_EQ(setting.drift({drift_weights::FiniteStep{kEta, 1}, kWorkers}),
            setting.drift({drift_weights::FiniteStep{kEta, 1}, 1}));
}

}  // namespace
}  // namespace quasar
