#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <variant>
#include <vector>

#include "sde/platen_scheme.h"
#include "sde/slow_coefficients.h"
#include "toy_models/ellipse.h"
#include "toy_models/periodic_valley.h"
#include "toy_models/river.h"
#include "toy_models/sphere.h"
#include "toy_models/turning_valley.h"

namespace quasar {
namespace {

/// SGD, H = 0.7/eta and the Quadratic Synchronization Rule with K = 4.
const std::vector<DriftWeights> kRegimes = {
    {drift_weights::Sgd{}, 4}, {drift_weights::LocalSgd{0.7}, 4}, {drift_weights::Quadratic{}, 4}};

template <class L>
SlowCoefficients<L::dim> coefficients(const L& landscape, const Vec<L::dim>& zeta, const DriftWeights& weights) {
  return slow_coefficients(landscape, Mat<L::dim>(landscape.covariance(zeta)), zeta, weights);
}

TEST(RiverDrift, IsLinearAndItsDiffusionIsTheNoiseAlong) {
  const River river{1.5, 0.4, 1.1, 0.3};
  for (const auto& weights : kRegimes)
    for (const double y : {-1.2, 0.0, 0.7}) {
      const auto slow = coefficients(river, Vec<2>(0, y), weights);
      const double lambda = 1.5 * std::exp(0.4 * y * y);
      EXPECT_NEAR(slow.drift[1], -river.return_rate(weights(lambda, lambda)) * y, 1e-10);
      EXPECT_NEAR(slow.drift[0], 0.0, 1e-12);
      EXPECT_LT((slow.diffusion - Mat<2>(Vec<2>(0, 0.3).asDiagonal())).norm(), 1e-10);
    }
}

TEST(RiverDrift, MeanAndVarianceSolveTheirEquations) {
  const River river{1.5, 0.4, 1.1, 0.3};
  constexpr double kTime = 0.6, kStep = 1e-5;
  for (const double m : {1.0, 4.0}) {
    const double k = 0.5 * 0.4 * 1.21 * m;
    const double mean_rate = (river.mean_of_y(0.9, kTime + kStep, m) - river.mean_of_y(0.9, kTime - kStep, m)) / 2e-5;
    EXPECT_NEAR(mean_rate, -k * river.mean_of_y(0.9, kTime, m), 1e-9);
    const double var_rate = (river.variance_of_y(kTime + kStep, m) - river.variance_of_y(kTime - kStep, m)) / 2e-5;
    EXPECT_NEAR(var_rate, 0.09 - 2 * k * river.variance_of_y(kTime, m), 1e-9);
    EXPECT_EQ(river.mean_of_y(0.9, 0, m), 0.9);
    EXPECT_EQ(river.variance_of_y(0, m), 0.0);
  }
}

TEST(PeriodicValleyDrift, IsASineAndBalancesTheVonMisesLaw) {
  const PeriodicValley valley{0.9, 0.7};
  for (const auto& weights : kRegimes)
    for (const double y : {-1.2, 0.0, 0.7, 4.0}) {
      const auto slow = coefficients(valley, Vec<2>(0, y), weights);
      const double m = weights(std::exp(-std::cos(y)), std::exp(-std::cos(y)));
      EXPECT_NEAR(slow.drift[1], -0.81 / 4 * m * std::sin(y), 1e-10);
      // no flux: b = (D/2) (ln p)' for p ~ e^(kappa cos y)
      EXPECT_NEAR(slow.drift[1], -0.49 / 2 * valley.concentration(m) * std::sin(y), 1e-10);
      EXPECT_NEAR(slow.diffusion(1, 1), 0.7, 1e-10);
    }
  EXPECT_NEAR((PeriodicValley{1.0, std::sqrt(0.5)}.mean_cosine(1)), 0.446390, 1e-6);  // I_1(m) / I_0(m), von Mises
  EXPECT_NEAR((PeriodicValley{1.0, std::sqrt(0.5)}.mean_cosine(4)), 0.863523, 1e-6);
}

template <int Dim>
void expect_no_drift(const Vec<Dim>& direction) {
  const Sphere<Dim> sphere{3.0, 0.8};
  const Vec<Dim> zeta = direction.normalized();
  for (const auto& weights : kRegimes) {
    const auto slow = coefficients(sphere, zeta, weights);
    EXPECT_LT(slow.drift.norm(), 1e-10);
    const Mat<Dim> spread = slow.diffusion * slow.diffusion;
    EXPECT_LT((spread - 0.64 * (Mat<Dim>::Identity() - zeta * zeta.transpose())).norm(), 1e-10);
  }
}

TEST(SphereDrift, IsZeroInEveryRegime) {
  expect_no_drift<3>({0.5, -0.7, 0.6});
  expect_no_drift<4>({0.5, -0.7, 0.6, 1.1});
}

/// Drift and squared diffusion of the angle on an ellipse by Ito's formula from the coefficients in the plane.
Vec<2> angle_coefficients(const Ellipse& ellipse, double phi, const DriftWeights& weights) {
  const double p = ellipse.semi_axis_x, q = ellipse.semi_axis_y, c = std::cos(phi), s = std::sin(phi);
  const auto ito = ito_coefficient_field(ellipse, ellipse, weights)(ellipse.point(phi));
  const Mat<2> covariance = ito.diffusion * ito.diffusion.transpose();
  const Vec<2> first(-s / p, c / q);  // of atan2(y/q, x/p)
  Mat<2> second;
  second << 2 * c * s / (p * p), (s * s - c * c) / (p * q), (s * s - c * c) / (p * q), -2 * c * s / (q * q);
  return {first.dot(ito.drift) + 0.5 * second.cwiseProduct(covariance).sum(), first.dot(covariance * first)};
}

TEST(EllipseDrift, IsTheClosedFormInTheAngle) {
  const Ellipse ellipse{3.0, 1.4, 0.9, 1.2, 0.5};
  for (const auto& weights : kRegimes)
    for (const double phi : {0.3, 1.2, 2.0, 4.0}) {
      const double lambda = ellipse.steepness(phi);
      EXPECT_NEAR(ellipse.hessian(ellipse.point(phi)).trace(), lambda, 1e-13);
      const Vec<2> general = angle_coefficients(ellipse, phi, weights);
      EXPECT_NEAR(general[0], ellipse.drift_of_angle(phi, weights(lambda, lambda), weights(lambda, 0)), 1e-9);
      EXPECT_NEAR(general[1], std::pow(ellipse.diffusion_of_angle(phi), 2), 1e-9);
      EXPECT_NEAR(ellipse.angle(ellipse.point(phi)), std::remainder(phi, 2 * std::numbers::pi), 1e-14);
      if (std::holds_alternative<drift_weights::LocalSgd>(weights.regime)) {
        const double one_weight = ellipse.drift_of_angle(phi, weights(lambda, lambda), weights(lambda, lambda));
        EXPECT_GT(std::abs(one_weight - general[0]), 1e-3) << "the test cannot tell";
      }
    }
}

// no flux: 2 b p = (D p)' for p ~ l^(1 - m), D the squared diffusion
TEST(EllipseDrift, WithIsotropicNoiseBalancesAPowerOfTheArcLength) {
  const Ellipse ellipse{3.0, 1.4, 0.9, 0.7, 0.7};
  constexpr double kStep = 1e-5;
  for (const double m : {1.0, 4.0})
    for (const double phi : {0.3, 1.2, 2.0, 4.0}) {
      const auto density = [&](double at) { return std::pow(ellipse.steepness(at), 0.5 * (1 - m)); };  // l^2 ~ L
      const auto flux = [&](double at) { return std::pow(ellipse.diffusion_of_angle(at), 2) * density(at); };
      const double balanced = (flux(phi + kStep) - flux(phi - kStep)) / (4 * kStep * density(phi));
      EXPECT_NEAR(ellipse.drift_of_angle(phi, m, m), balanced, 1e-8);
    }
}

TEST(TurningValleyDrift, IsTheClosedFormAndBalancesItsStationaryLaw) {
  const TurningValley valley{2.0, 0.7, 0.8, 1.2, 0.5, 0.3};
  for (const auto& weights : kRegimes)
    for (const double z : {-1.2, 0.0, 0.7, 4.0}) {
      const auto slow = coefficients(valley, Vec<3>(0, 0, z), weights);
      const double m = weights(2.0, 0.7);
      EXPECT_NEAR(slow.drift[2], 0.4 * (1.3 / 2.7) * m * (1.44 - 0.25) * std::sin(1.6 * z), 1e-10);
      EXPECT_NEAR(slow.drift[2], valley.drift(z, m), 1e-10);
      EXPECT_NEAR(slow.drift[2], 0.09 / 2 * 1.6 * valley.concentration(m) * std::sin(1.6 * z), 1e-10);
      EXPECT_LT(slow.drift.head<2>().norm(), 1e-12);
      EXPECT_NEAR(slow.diffusion(2, 2), 0.3, 1e-10);
    }
}

TEST(TurningValleyDrift, IsLostWithTheOffDiagonalLyapunovWeights) {
  const TurningValley valley{2.0, 0.7, 0.8, 1.2, 0.5, 0.3};
  const Vec<3> zeta(0, 0, 0.7);
  const auto hessian = symmetric_eigen<3>(valley.hessian(zeta));
  const Mat<3> v = hessian.eigenvectors(), rotated = v.transpose() * valley.covariance(zeta) * v;
  const Mat<3> diagonal_only = v * Mat<3>(rotated.diagonal().asDiagonal()) * v.transpose();
  for (const auto& weights : kRegimes) {
    const double right = coefficients(valley, zeta, weights).drift[2];
    EXPECT_GT(right, 0.1);
    EXPECT_NEAR(slow_coefficients(valley, diagonal_only, zeta, weights).drift[2], 0.0, 1e-10);
    // nor may the pair's weight be that of either mode alone
    EXPECT_GT(std::abs(weights(2.0, 2.0) / 4.0 / (weights(2.0, 0.7) / 2.7) - 1), 0.1);
    EXPECT_GT(std::abs(weights(0.7, 0.7) / 1.4 / (weights(2.0, 0.7) / 2.7) - 1), 0.1);
  }
}

}  // namespace
}  // namespace quasar
