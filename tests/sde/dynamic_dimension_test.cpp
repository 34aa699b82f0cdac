#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "sde/path_ensemble.h"
#include "tests/sde/quadratic_constraints.h"

namespace quasar {
namespace {

constexpr int kDynamic = Eigen::Dynamic;
const std::vector<DriftWeights> kRegimes = {{drift_weights::Sgd{}, 4},
                                            {drift_weights::LocalSgd{0.7}, 4},
                                            {drift_weights::Quadratic{}, 4},
                                            {drift_weights::FiniteStep{0.05, 14}, 4}};

/// T6 in d dimensions: L = (lambda/8)(|x|^2 - 1)^2.
QuadraticConstraints<kDynamic> sphere(Eigen::Index d) {
  const double root = std::sqrt(3.0);
  return {{{root * Eigen::MatrixXd::Identity(d, d), Eigen::VectorXd::Zero(d), -0.5 * root}}};
}
struct IsotropicNoise {
  double variance;
  Eigen::MatrixXd covariance(const Eigen::VectorXd& x) const {
    return variance * Eigen::MatrixXd::Identity(x.size(), x.size());
  }
};
Eigen::VectorXd direction(Eigen::Index d) { return Eigen::VectorXd::LinSpaced(d, -1.0, 1.7).normalized(); }

TEST(DynamicDimension, OnTheSphereOfAHundredDimensionsThereIsNoDriftAndTheNoiseAlongIt) {
  const auto loss = sphere(100);
  const Eigen::VectorXd zeta = direction(100);
  for (const auto& weights : kRegimes) {
    const auto slow = slow_coefficients(loss, IsotropicNoise{0.64}.covariance(zeta), zeta, weights);
    EXPECT_LT(slow.drift.norm(), 1e-12);
    const Eigen::MatrixXd along = Eigen::MatrixXd::Identity(100, 100) - zeta * zeta.transpose();
    EXPECT_LT((slow.diffusion - 0.8 * along).norm(), 1e-12);
  }
}

/// Phi and Newton's retraction are both x/|x| here, since every gradient is radial.
TEST(DynamicDimension, BothProjectionsReachTheSphere) {
  const auto loss = sphere(100);
  const Eigen::VectorXd base = direction(100), x = 1.2 * base + 0.3 * Eigen::VectorXd::Unit(100, 7);
  const auto flowed = project_by_gradient_flow(loss, x);
  const auto newton = project_by_newton(loss, base, x);
  ASSERT_TRUE(flowed.converged && newton.converged);
  EXPECT_LT((flowed.point - x.normalized()).norm(), 1e-9);
  EXPECT_LT((newton.point - x.normalized()).norm(), 1e-11);
}

// A step of Euler's scheme goes the tangent distance sqrt(s2 dt chi2) and back radially, so <zeta, zeta'> is
// (1 + s2 dt chi2)^(-1/2), chi2 with d - 1 degrees of freedom, and the steps' overlaps multiply.
TEST(DynamicDimension, PathsOnTheSphereHaveTheOverlapOfTheirScheme) {
  constexpr int kDim = 50, kSteps = 8;
  PathOptions options;
  options.time_step = 0.0025;
  options.paths = 48;
  options.seed = 5;
  options.threads = 2;
  options.retraction = PathRetraction::newton;
  const Eigen::VectorXd start = direction(kDim);
  PathEnsemble<QuadraticConstraints<kDynamic>, IsotropicNoise> ensemble(sphere(kDim), IsotropicNoise{1.0}, kRegimes[2],
                                                                        options, 1.3 * start);
  ensemble.advance(kSteps);
  const Estimate overlap = ensemble.measure([&](const Eigen::VectorXd& x) { return start.dot(x); }).estimate();
  const auto expected = [&](int degrees) {
    double sum = 0, mass = 0;  // of the density of chi2
    for (double q = 0.05; q < 200; q += 0.1) {
      const double density = std::exp((0.5 * degrees - 1) * std::log(q) - 0.5 * q);
      sum += density / std::sqrt(1 + options.time_step * q);
      mass += density;
    }
    return std::pow(sum / mass, kSteps);
  };
  std::printf("overlap %.4f +- %.4f, expected %.4f\n", overlap.mean, overlap.standard_error, expected(kDim - 1));
  EXPECT_EQ(ensemble.paths_that_left(), 0);
  EXPECT_NEAR(overlap.mean, expected(kDim - 1), 4 * overlap.standard_error);
  EXPECT_GT(std::abs(overlap.mean - expected(2 * kDim)), 4 * overlap.standard_error);  // with the step's noise doubled
  for (const auto& x : ensemble.state().positions) EXPECT_NEAR(x.norm(), 1.0, 1e-10);
}

/// T1 with many widths: L = (e^y/2) sum_i l_i x_i^2, y the last coordinate; any S, since only its diagonal moves y:
///   dy = -(1/4) sum_i m(2 eta H l_i e^y) S_ii dt + sqrt(S_yy) dW
struct Fan {
  static constexpr int dim = kDynamic;
  Eigen::VectorXd widths;  ///< l_i, (d - 1)

  Eigen::VectorXd across(const Eigen::VectorXd& x) const { return x.head(widths.size()); }
  double half_square(const Eigen::VectorXd& x) const { return 0.5 * widths.dot(across(x).cwiseAbs2()); }
  double factor(const Eigen::VectorXd& x) const { return std::exp(x[widths.size()]); }
  double value(const Eigen::VectorXd& x) const { return factor(x) * half_square(x); }
  Eigen::VectorXd gradient(const Eigen::VectorXd& x) const {
    Eigen::VectorXd g(x.size());
    g << widths.cwiseProduct(across(x)), half_square(x);
    return factor(x) * g;
  }
  Eigen::MatrixXd hessian(const Eigen::VectorXd& x) const {
    Eigen::MatrixXd h = Eigen::MatrixXd::Zero(x.size(), x.size());
    h.diagonal() << widths, half_square(x);
    h.col(widths.size()).head(widths.size()) = widths.cwiseProduct(across(x));
    h.row(widths.size()).head(widths.size()) = h.col(widths.size()).head(widths.size());
    return factor(x) * h;
  }
  /// On the y axis, the only place where the tests need it.
  Eigen::VectorXd third_derivative(const Eigen::VectorXd& x, const Eigen::MatrixXd& s) const {
    const Eigen::Index m = widths.size();
    Eigen::VectorXd third(x.size());
    third << widths.cwiseProduct(s.col(m).head(m) + s.row(m).head(m).transpose()), widths.dot(s.diagonal().head(m));
    return factor(x) * third;
  }
};

TEST(DynamicDimension, OnAFanOfTwoHundredDimensionsTheDriftIsTheSumOverItsWidths) {
  constexpr Eigen::Index kDim = 200;
  const Fan fan{Eigen::VectorXd::LinSpaced(kDim - 1, 0.05, 6.0)};
  const Eigen::MatrixXd root = random_symmetric<kDynamic>(8, kDim) / std::sqrt(kDim), covariance = root * root;
  Eigen::VectorXd zeta = Eigen::VectorXd::Zero(kDim);
  zeta[kDim - 1] = 0.3;
  for (const auto& weights : kRegimes) {
    double expected = 0;
    for (Eigen::Index i = 0; i < kDim - 1; ++i) {
      const double lambda = fan.widths[i] * std::exp(0.3);
      expected -= 0.25 * weights(lambda, lambda) * covariance(i, i);
    }
    const auto slow = slow_coefficients(fan, covariance, zeta, weights);
    EXPECT_NEAR(slow.drift[kDim - 1], expected, 1e-10);
    EXPECT_LT(slow.drift.head(kDim - 1).norm(), 1e-12);
    EXPECT_NEAR(slow.diffusion(kDim - 1, kDim - 1), std::sqrt(covariance(kDim - 1, kDim - 1)), 1e-12);
    EXPECT_NEAR(slow.diffusion.norm(), slow.diffusion(kDim - 1, kDim - 1), 1e-12);
  }
}

// A normal mode 3e-6 times as steep as the steepest counts from a tolerance of 1e-6 on, and below it is taken to be
// tangent: its share of the drift is lost and its noise enters the diffusion.
TEST(RankTolerance, KeepsANearlyDegenerateNormalModeAndDropsTangentOnes) {
  const Fan fan{Eigen::Vector3d(3e-6, 0.5, 1.0)};
  const Eigen::MatrixXd covariance = Eigen::Vector4d(0.7, 0.2, 0.4, 0.9).asDiagonal();
  const Eigen::VectorXd zeta = Eigen::VectorXd::Zero(4);
  const auto kept = slow_coefficients(fan, covariance, zeta, kRegimes[0], 1e-6);
  const auto dropped = slow_coefficients(fan, covariance, zeta, kRegimes[0], 1e-5);
  EXPECT_NEAR(kept.drift[3], -0.25 * (0.7 + 0.2 + 0.4), 1e-9);
  EXPECT_NEAR(dropped.drift[3], -0.25 * (0.2 + 0.4), 1e-9);
  EXPECT_NEAR(kept.diffusion(0, 0), 0.0, 1e-12);
  EXPECT_NEAR(dropped.diffusion(0, 0), std::sqrt(0.7), 1e-12);

  const Eigen::VectorXd x = Eigen::Vector4d(0.1, 0.0, 0.02, 0.0);
  NewtonOptions newton;
  const auto reached = project_by_newton(fan, zeta, x, newton);
  EXPECT_TRUE(reached.converged);
  EXPECT_LT(reached.point.head(3).norm(), 1e-5);
  newton.rank_tolerance = 1e-5;
  const auto stuck = project_by_newton(fan, zeta, x, newton);
  EXPECT_FALSE(stuck.converged);
  EXPECT_GT(std::abs(stuck.point[0]), 0.05);
}

// There the tangent eigenvalues are not 0, and some are negative.
TEST(RankTolerance, TakesAPointAsFarOffTheManifoldAsAProjectionLeavesIt) {
  const auto loss = two_constraints_in_four_dimensions();
  const auto on = project_by_gradient_flow(loss, Vec<4>(0.3, 0.1, -0.2, 0.4));
  ASSERT_TRUE(on.converged);
  for (const double distance : {0.0, 1e-9, -1e-7}) {
    const Vec<4> x = on.point + distance * loss.constraints[0].slope(on.point).normalized();
    EXPECT_EQ(hessian_modes(loss, x, 1e-6).tangent_dim, 2) << distance;
  }
}

}  // namespace
}  // namespace quasar
