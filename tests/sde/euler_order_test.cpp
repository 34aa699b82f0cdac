#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "core/estimate.h"
#include "sde/path_ensemble.h"
#include "toy_models/circle.h"

namespace quasar {
namespace {

// T5 with a2 = 2, b2 = 0.4, multiplier 3, phi(0) = 0.6: E cos 2 phi at slow time 0.5 by a tridiagonal Galerkin method
constexpr double kExact = -0.459586965521;
constexpr double kStart = 0.6;
constexpr double kSlowTime = 0.5;
const Circle kCircle{4.0, std::sqrt(2.0), std::sqrt(0.4)};
const DriftWeights kWeights{drift_weights::Quadratic{}, 3};

Vec<2> on_circle(double phi) { return {std::cos(phi), std::sin(phi)}; }

/// Nodes and weights of the Gauss-Hermite rule for N(0, 1), from the eigenvectors of its Jacobi matrix.
void gauss_hermite(int n, Eigen::VectorXd& nodes, Eigen::VectorXd& weights) {
  Eigen::MatrixXd jacobi = Eigen::MatrixXd::Zero(n, n);
  for (int i = 1; i < n; ++i) jacobi(i, i - 1) = jacobi(i - 1, i) = std::sqrt(i);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(jacobi);
  nodes = eigen.eigenvalues();
  weights = eigen.eigenvectors().row(0).array().square().transpose();
}

/// E cos 2 phi after n Euler steps without any sampling: u_{k+1}(phi) = E u_k(phi') on a trigonometric grid.
double expectation_after(int steps) {
  constexpr int kNodes = 48;
  constexpr double kPeriod = std::numbers::pi;  // everything here has period pi
  Eigen::VectorXd nodes, weights;
  gauss_hermite(20, nodes, weights);
  const auto grid = [](int i) { return kStart + kPeriod * i / kNodes; };
  const auto slow = slow_coefficient_field(kCircle, kCircle, kWeights);
  const auto flow = gradient_flow_retraction(kCircle);
  Eigen::MatrixXd transition = Eigen::MatrixXd::Zero(kNodes, kNodes);
  for (int i = 0; i < kNodes; ++i)
    for (int q = 0; q < nodes.size(); ++q) {
      const Vec<2> zeta = on_circle(grid(i));
      const Vec<2> xi = nodes[q] * Vec<2>(-zeta[1], zeta[0]);  // the noise is tangent: one normal is enough
      const auto next = Euler{}(slow, flow, zeta, kSlowTime / steps, StepNoise<2>{xi, {}});
      if (!next.converged) throw NumericalError("the gradient flow does not converge");
      const double phi = std::atan2(next.point[1], next.point[0]);
      for (int j = 0; j < kNodes; ++j) {  // Dirichlet kernel of trigonometric interpolation, even number of nodes
        const double x = 2.0 * std::numbers::pi * (phi - grid(j)) / kPeriod;
        const double kernel = std::abs(std::sin(x / 2)) < 1e-12
                                  ? 1.0
                                  : std::sin(kNodes * x / 2) * std::cos(x / 2) / (kNodes * std::sin(x / 2));
        transition(i, j) += weights[q] * kernel;
      }
    }
  Eigen::VectorXd u(kNodes);
  for (int i = 0; i < kNodes; ++i) u[i] = std::cos(2.0 * grid(i));
  for (int k = 0; k < steps; ++k) u = transition * u;
  return u[0];
}

TEST(Euler, HasWeakOrderOneOnTheCircle) {
  std::vector<double> step_sizes, errors;
  for (const int steps : {32, 64, 128}) {
    step_sizes.push_back(kSlowTime / steps);
    errors.push_back(expectation_after(steps) - kExact);
  }
  // schemes_order_test.cpp propagates the same scheme with its own grid: -0.004886, -0.001304
  EXPECT_NEAR(errors[0], -0.004886, 2e-6);
  EXPECT_NEAR(errors[2], -0.001304, 2e-6);
  const double order = fit_order(step_sizes, errors).slope;
  EXPECT_GT(order, 0.85);
  EXPECT_LT(order, 1.1);
}

TEST(Euler, ExtrapolationInTheStepSizeIsFourTimesBetter) {
  const double coarse = expectation_after(32), fine = expectation_after(64);
  EXPECT_LT(4.0 * std::abs(2.0 * fine - coarse - kExact), std::abs(fine - kExact));
}

TEST(PathEnsemble, MeanAgreesWithTheExactPropagationOfItsScheme) {
  const int steps = 16;
  PathOptions options{kSlowTime / steps, 6000, 7, 2, {}};
  PathEnsemble<Circle, Circle> ensemble(kCircle, kCircle, kWeights, options, on_circle(kStart));
  ensemble.advance(steps);
  const Estimate mean = ensemble.measure([](const Vec<2>& x) { return x[0] * x[0] - x[1] * x[1]; }).estimate();
  EXPECT_EQ(ensemble.paths_that_left(), 0);
  EXPECT_NEAR(mean.mean, expectation_after(steps), 4.0 * mean.standard_error);
  EXPECT_LT(mean.standard_error, 0.01);  // the multipliers 2 and 4 differ from 3 by more than 0.1
}

}  // namespace
}  // namespace quasar
