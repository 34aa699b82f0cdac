#include "sde/adam_slow_dynamics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "sde/limiting_diffusion.h"
#include "tests/sde/quadratic_constraints.h"
#include "toy_models/adam_periodic_valley.h"

namespace quasar {
namespace {

constexpr int kWorkers = 4;
const PeriodicValley kValley{1.0, 0.5};  // T13b: kappa = sx/(2 sy) = 1 for parallel Adam

AdamSlowCoefficients<2> on_valley(double y, const DriftWeights& weights) {
  const Mat<2> covariance = kValley.covariance({});
  const AdamSlowOptions adam{1.0, 0.0, weights};
  const AdamSlowState<2> state{Vec<2>(0, y), second_moment_target<2>(covariance, adam)};
  return adam_slow_coefficients(kValley, covariance, state, adam);
}

TEST(AdamOnThePeriodicValley, CoefficientsAreTheClosedFormAndBalanceTheVonMisesLaw) {
  constexpr double kRoundTime = 1.0;
  const AdamPeriodicValley one{kValley}, limit{kValley, kWorkers}, rounds{kValley, kWorkers, kRoundTime};
  const auto expect_slow = [](const AdamSlowCoefficients<2>& slow, const AdamPeriodicValley& theory, double y) {
    EXPECT_NEAR(slow.drift[1], theory.drift(y), 1e-12);
    EXPECT_NEAR(slow.diffusion(1, 1), std::sqrt(theory.variance()), 1e-12);
  };
  for (const double y : {-1.2, 0.3, 2.5}) {
    const auto parallel = on_valley(y, {drift_weights::Sgd{}, kWorkers});
    const auto quadratic = on_valley(y, {drift_weights::Quadratic{}, kWorkers});
    expect_slow(parallel, one, y);
    expect_slow(quadratic, limit, y);
    expect_slow(on_valley(y, {drift_weights::LocalSgd{kRoundTime}, kWorkers}), rounds, y);
    // no flux: b = (D/2)(ln p)' for p ~ e^(kappa cos y), kappa = m sx/(2 sy), which is 1 and K
    const auto log_slope = [](const auto& slow) { return 2 * slow.drift[1] / std::pow(slow.diffusion(1, 1), 2); };
    EXPECT_NEAR(log_slope(parallel), -std::sin(y), 1e-12);
    EXPECT_NEAR(log_slope(quadratic), -kWorkers * std::sin(y), 1e-12);
  }
  const auto von_mises = [](double kappa) { return std::cyl_bessel_i(1.0, kappa) / std::cyl_bessel_i(0.0, kappa); };
  EXPECT_NEAR(one.mean_cosine(), von_mises(1), 1e-6);
  EXPECT_NEAR(limit.mean_cosine(), von_mises(kWorkers), 1e-6);
}

// With a manifold at an angle to the axes the projection is oblique: half the second derivative of the limit of
// dx/ds = -P grad L, by differences, is the whole Ito drift.
TEST(AdamCoefficients, AreTheDerivativesOfThePreconditionedFlow) {
  const auto loss = two_constraints_in_four_dimensions();
  const Mat<4> covariance = random_symmetric<4>(9) * random_symmetric<4>(9);
  const AdamSlowOptions adam{1.0, 1e-3, {drift_weights::Sgd{}, kWorkers}};
  const auto on_manifold = project_by_gradient_flow(loss, Vec<4>(-0.4, 0.8, 0.5, -0.3));
  ASSERT_TRUE(on_manifold.converged);
  const Vec<4> zeta = project_by_newton(loss, on_manifold.point, on_manifold.point, {1e-15, 1e-6, 3}).point;
  const AdamSlowState<4> state{zeta, Vec<4>(0.3, 1.1, 0.6, 2.0)};
  const Vec<4> p = state.v.unaryExpr([](double v) { return 1 / (std::sqrt(v) + 1e-3); });
  const auto preconditioned = [&](const Vec<4>& x) -> Vec<4> { return p.cwiseProduct(loss.gradient(x)); };
  GradientFlowOptions tight;
  tight.step_tolerance = 1e-14;
  tight.gradient_tolerance = 1e-12;
  const Mat<4> full_noise = p.asDiagonal() * covariance * p.asDiagonal();
  const auto eigen = symmetric_eigen<4>(full_noise);
  constexpr double kStep = 0.01;
  Vec<4> second = Vec<4>::Zero();
  for (int i = 0; i < 4; ++i) {
    const auto at = [&](double h) {
      return project_by_gradient_flow<4>(preconditioned, Vec<4>(state.zeta + h * kStep * eigen.eigenvectors().col(i)),
                                         tight)
          .point;
    };
    second +=
        eigen.eigenvalues()[i] * (16 * (at(1) + at(-1)) - at(2) - at(-2) - 30 * state.zeta) / (12 * kStep * kStep);
  }
  const auto adam_sde = adam_slow_coefficients(loss, covariance, state, adam);
  const auto plain = adam_coordinates(loss, state.v, adam.epsilon);
  const SlowCoefficients<4> in_plain{plain.coordinates(adam_sde.drift),
                                     plain.scale.cwiseInverse().asDiagonal() * adam_sde.diffusion};
  const Vec<4> ito = plain.parameters(ito_drift(plain, plain.coordinates(state.zeta), in_plain));
  const Mat<4> orthogonal = hessian_modes(loss, state.zeta, 1e-6).tangent_projector();
  std::printf("Ito drift %.5f, |it - differences| %.1e\n", ito.norm(), (ito - second / 2).norm());
  EXPECT_LT((ito - second / 2).norm(), 1e-6);
  EXPECT_LT((adam_sde.drift - orthogonal * adam_sde.drift).norm(), 1e-10);
  // neither the loss's own projection of the preconditioned noise, nor the orthogonal projection in its place
  EXPECT_GT((limiting_diffusion(loss, full_noise, state.zeta).drift - second / 2).norm(), 0.02);
  EXPECT_GT((orthogonal * second / 2 - adam_sde.drift).norm(), 0.02);
}

TEST(AdamSlowStep, KeepsTheManifoldAndRelaxesTheSecondMoments) {
  const auto loss = two_constraints_in_four_dimensions();
  const struct {
    Mat<4> s;
    Mat<4> covariance(const Vec<4>&) const { return s; }
  } noise{random_symmetric<4>(9) * random_symmetric<4>(9)};
  const AdamSlowOptions adam{2.0, 1e-8, {drift_weights::LocalSgd{0.7}, kWorkers}};
  const auto start = project_by_gradient_flow(loss, Vec<4>(-0.4, 0.8, 0.5, -0.3));
  const AdamSlowState<4> state{start.point, Vec<4>(0.3, 1.1, 0.6, 2.0)};
  const auto [next, converged] = adam_slow_step(loss, noise, state, adam, 0.01, Vec<4>(0.3, -1.0, 0.7, 1.2));
  ASSERT_TRUE(converged);
  EXPECT_LT(loss.gradient(next.zeta).norm(), 1e-10);
  EXPECT_GT((next.zeta - state.zeta).norm(), 1e-3);
  const Vec<4> target = kWorkers * noise.s.diagonal();
  EXPECT_LT((next.v - (target + std::exp(-0.02) * (state.v - target))).norm(), 1e-14);
}

}  // namespace
}  // namespace quasar
