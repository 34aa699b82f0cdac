// Slow SDEs of landscapes that are networks: label noise, so each is an ODE.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <tuple>
#include <vector>

#include "core/estimate.h"
#include "sde/gradient_flow.h"
#include "sde/label_noise_flow.h"
#include "sde/slow_coefficients.h"
#include "tests/sde/tanh_model.h"
#include "tests/toy_models/ensemble_for_tests.h"
#include "toy_models/diagonal_network.h"
#include "toy_models/matrix_factorization.h"
#include "toy_models/tanh_network.h"

namespace quasar {
namespace {

using Eigen::MatrixXd, Eigen::VectorXd;

/// SGD, H = 0.03/eta, the Quadratic Synchronization Rule and a finite step with K = 4.
const std::vector<DriftWeights> kRegimes = {{drift_weights::Sgd{}, 4},
                                            {drift_weights::LocalSgd{0.03}, 4},
                                            {drift_weights::Quadratic{}, 4},
                                            {drift_weights::FiniteStep{0.005, 6}, 4}};

template <class L>
Vec<L::dim> drift(const L& loss, const Vec<L::dim>& zeta, const DriftWeights& weights) {
  return slow_coefficients(loss, Mat<L::dim>(loss.covariance(zeta)), zeta, weights).drift;
}

/// The ODE of the drift alone, by classical Runge-Kutta: it stays on the manifold to the order of the method.
template <class L>
Vec<L::dim> integrate(const L& loss, Vec<L::dim> zeta, const DriftWeights& weights, double time, int steps) {
  const double h = time / steps;
  const auto f = [&](const Vec<L::dim>& x) { return drift(loss, x, weights); };
  for (int i = 0; i < steps; ++i) {
    const Vec<L::dim> k1 = f(zeta), k2 = f(zeta + 0.5 * h * k1), k3 = f(zeta + 0.5 * h * k2), k4 = f(zeta + h * k3);
    zeta += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
  }
  return zeta;
}

/// Three samples of eight inputs, of different sizes so that the contraction rates differ.
DiagonalNetwork<8, 3> diagonal_network() {
  DiagonalNetwork<8, 3> network{{}, {0.7, -0.4, 0.2}, 0.6};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 8; ++j)
      network.inputs[i][j] = ((i * 5 + j * j + i * j) % 3 == 0 ? -1.0 : 1.0) * (1.0 + 0.05 * j);
  return network;
}

TEST(DiagonalNetworkDrift, FollowsTheConvexDualPathOfTheLeastNorm) {
  const auto network = diagonal_network();
  const Vec<16> start = network.project(Vec<16>::LinSpaced(16, 0.5, 1.1));
  for (const auto& [regime, multiplier, time] :
       {std::tuple{kRegimes[0], 1.0, 1.0}, std::tuple{kRegimes[2], 4.0, 0.25}}) {
    const Vec<16> path = network.slow_point(start, time, multiplier);
    const Vec<16> end = integrate(network, start, regime, time, 200);
    EXPECT_LT((end - path).norm(), 1e-8);
    EXPECT_NEAR(network.linear_map(end).lpNorm<1>(), network.linear_map(path).lpNorm<1>(), 1e-9);
    const Vec<8> rate = 4 * 0.36 * multiplier * network.contraction_rates();
    for (int j = 0; j < 8; ++j)
      EXPECT_NEAR(network.products(end)[j], network.products(start)[j] * std::exp(-rate[j] * time), 1e-9);
    // a multiplier of K - 1, or the rate of batch 1 with q = 1, would be seen
    const Vec<16> wrong = network.slow_point(start, time, multiplier == 1.0 ? 0.75 : 3.0);
    EXPECT_GT(std::abs(network.linear_map(wrong).lpNorm<1>() - network.linear_map(path).lpNorm<1>()), 1e-3);
  }
}

// QSR's H by an ensemble: near the closed form with m = K, exactly at the drift of this eta H.
TEST(DiagonalNetworkEnsemble, ContractsItsProductsAsItsSlowSdeUnderLongRounds) {
  constexpr double kRoundTime = 8.0, kTime = 0.32;
  const auto network = diagonal_network();
  const Vec<16> start = network.project(Vec<16>::Constant(0.8));
  EnsembleOptions options;
  options.replicas = 2'000;
  options.seed = 8;
  const Observable<16> log_product = [&](const auto& seen) { return std::log(network.products(seen.average)[0]); };
  const auto at = [&](double eta) {
    const auto schedule = constant_schedule(eta, std::llround(kTime / (eta * eta)), std::llround(kRoundTime / eta));
    return run_ensemble(network, start, schedule, options, {log_product}, {}).back().observables[0].estimate();
  };
  const Estimate measured = extrapolate_to_zero(0.01, at(0.01), 0.005, at(0.005));
  const auto theory_of = [&](int workers) {
    const DriftWeights weights{drift_weights::LocalSgd{kRoundTime}, workers};
    return std::log(network.products(integrate(network, start, weights, kTime, 1000))[0]);
  };
  const double theory = theory_of(4), wrong = theory_of(3);
  const double limit = std::log(network.products(network.slow_point(start, kTime, 4.0))[0]);
  std::printf("ln p %.4f +- %.4f, theory %.4f, K - 1 %.4f, eta H to infinity %.4f\n", measured.mean,
              measured.standard_error, theory, wrong, limit);
  EXPECT_NEAR(measured.mean, theory, 4 * measured.standard_error);
  EXPECT_GT(std::abs(measured.mean - wrong), 4 * measured.standard_error) << "the test cannot tell";
  EXPECT_LT(std::abs(theory - limit), 0.1 * std::abs(theory - wrong));
}

TEST(DiagonalNetwork, ProjectionIsTheGradientFlows) {
  const auto network = diagonal_network();
  const Vec<16> x = Vec<16>::LinSpaced(16, 0.5, 1.1);
  const auto flow = project_by_gradient_flow(network, x);
  ASSERT_TRUE(flow.converged);
  EXPECT_LT((flow.point - network.project(x)).norm(), 1e-8);
  EXPECT_THROW(network.project(Vec<16>(-x)), NumericalError);
  auto singular = network;
  for (int j = 0; j < 8; ++j) singular.inputs[2][j] = singular.inputs[1][j];
  EXPECT_THROW(singular.project(x), NumericalError);
}

// the vertices of {w : z w = y} in every three of the eight coordinates
TEST(DiagonalNetwork, EndsInTheFitOfLeastNorm) {
  auto network = diagonal_network();
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 8; ++j) network.inputs[i][j] = (j >> i & 1) != 0 ? -1.0 : 1.0;
  double least = std::numeric_limits<double>::infinity();
  for (int a = 0; a < 8; ++a)
    for (int b = 0; b < a; ++b)
      for (int c = 0; c < b; ++c) {
        Mat<3> basis;
        for (int i = 0; i < 3; ++i) basis.row(i) << network.inputs[i][a], network.inputs[i][b], network.inputs[i][c];
        if (std::abs(basis.determinant()) < 1e-9) continue;
        least = std::min(least, Vec<3>(basis.inverse() * Vec<3>(0.7, -0.4, 0.2)).lpNorm<1>());
      }
  const auto norm_at = [&](double time) {
    const Vec<16> end = network.slow_point(Vec<16>::LinSpaced(16, 0.5, 1.1), time, 1.0);
    return network.linear_map(end).lpNorm<1>();
  };
  EXPECT_NEAR(least, 0.7, 1e-12);  // the largest label: the inputs are all the signs
  EXPECT_NEAR(norm_at(20.0), least, 1e-9);
  EXPECT_GT(norm_at(1.0), least + 0.01);
}

/// U = P diag(c), V = Q diag(h/c) with orthonormal P (n, r) and Q (m, r): the singular values h of M, imbalance c^2 -
/// h^2/c^2.
struct Factors {
  MatrixFactorization problem;
  VectorXd zeta, a, b;  ///< a, b: squared lengths of the columns of U and V
};
Factors factors(Eigen::Index n, Eigen::Index m, Eigen::Index r) {
  const auto orthonormal = [r](Eigen::Index rows, double seed) -> MatrixXd {
    const MatrixXd any = MatrixXd::NullaryExpr(rows, r, [seed](Eigen::Index i, Eigen::Index j) {
      return std::sin(seed + static_cast<double>(3 * i + 7 * j + i * j * j));
    });
    return MatrixXd(any.householderQr().householderQ() * MatrixXd::Identity(rows, r));
  };
  const VectorXd c = VectorXd::LinSpaced(r, 0.8, 2.2), h = VectorXd::LinSpaced(r, 1.5, 0.5);
  const MatrixXd u = orthonormal(n, 1.0) * c.asDiagonal(), v = orthonormal(m, 2.0) * h.cwiseQuotient(c).asDiagonal();
  return {
      {u * v.transpose(), r, 0.3}, MatrixFactorization::joined(u, v), c.cwiseAbs2(), h.cwiseQuotient(c).cwiseAbs2()};
}
/// dD/dt from d zeta/dt
MatrixXd imbalance_rate(const MatrixFactorization& problem, const VectorXd& zeta, const VectorXd& velocity) {
  const MatrixXd half = problem.left(zeta).transpose() * problem.left(velocity) -
                        problem.right(zeta).transpose() * problem.right(velocity);
  return half + half.transpose();
}

// At a point whose factors are rotated against each other, so that nothing is diagonal; d = 64.
TEST(MatrixFactorizationDrift, RemovesTheImbalanceOfTheHessiansTrace) {
  auto [problem, zeta, a, b] = factors(9, 7, 4);
  const MatrixXd mix = MatrixXd::Identity(4, 4) + 0.3 * MatrixXd::NullaryExpr(4, 4, [](Eigen::Index i, Eigen::Index j) {
                                                    return std::sin(static_cast<double>(1 + i + 5 * j));
                                                  });
  const MatrixXd u = problem.left(zeta) * mix, v = problem.right(zeta) * mix.inverse().transpose();
  zeta = problem.joined(u, v);
  ASSERT_LT(problem.gradient(zeta).norm(), 1e-12);
  EXPECT_NEAR(problem.hessian(zeta).trace(), problem.trace_of_hessian(zeta), 1e-11);
  const MatrixXd expected = -0.09 * (7 * u.transpose() * u - 9 * v.transpose() * v);
  const MatrixXd swapped = -0.09 * (9 * u.transpose() * u - 7 * v.transpose() * v);
  for (const double k : {1.0, 4.0}) {
    const auto slow = slow_coefficients(problem, problem.covariance(zeta), zeta, kRegimes[k == 1.0 ? 0 : 2]);
    const MatrixXd rate = imbalance_rate(problem, zeta, slow.drift);
    EXPECT_LT((rate - k * expected).norm(), 1e-9);
    EXPECT_GT((rate - k * swapped).norm(), 0.1) << "the test cannot tell";
    EXPECT_LT(slow.diffusion.norm(), 1e-6);
  }
}

// In the basis of M's singular vectors the entry (k, j) of the noise has the Hessian's eigenvalue a_k + b_j:
// dd_i/dt = s2 [b_i sum_k w(a_k + b_i) - a_i sum_j w(a_i + b_j)] with the weight w of the regime; d = 64
TEST(MatrixFactorizationDrift, WeightsEveryModeOfTheNoise) {
  const auto [problem, zeta, a, b] = factors(9, 7, 4);
  const auto at = [](const VectorXd& values, Eigen::Index i) { return i < values.size() ? values[i] : 0.0; };
  for (const auto& weights : kRegimes) {
    const MatrixXd rate = imbalance_rate(problem, zeta, drift(problem, zeta, weights));
    for (Eigen::Index i = 0; i < 4; ++i) {
      double gain = 0, loss = 0;
      for (Eigen::Index k = 0; k < 9; ++k) gain += b[i] * weights(at(a, k) + b[i], at(a, k) + b[i]);
      for (Eigen::Index j = 0; j < 7; ++j) loss += a[i] * weights(a[i] + at(b, j), a[i] + at(b, j));
      EXPECT_NEAR(rate(i, i), 0.09 * (gain - loss), 1e-9);
    }
    EXPECT_LT((rate - MatrixXd(rate.diagonal().asDiagonal())).norm(), 1e-9);
  }
}

TEST(MatrixFactorizationDrift, LowersTheTraceAsTheClosedForm) {
  const auto [problem, zeta, a, b] = factors(6, 6, 3);
  for (const double k : {1.0, 4.0}) {
    const VectorXd end = integrate(problem, zeta, kRegimes[k == 1.0 ? 0 : 2], 1.0 / k, 40);
    EXPECT_NEAR(problem.trace_of_hessian(end), problem.trace_of_hessian_after(zeta, 1.0 / k, k), 1e-7);
    EXPECT_LT(problem.residual(end).norm(), 1e-7);
  }
  EXPECT_NEAR(problem.trace_of_hessian_after(zeta, 0.0, 1.0), problem.trace_of_hessian(zeta), 1e-12);
  EXPECT_NEAR(problem.trace_of_hessian_after(zeta, 100.0, 1.0), 2 * 6 * 3.0, 1e-9);  // singular values 1.5, 1, .5
}

TEST(MatrixFactorization, GradientFlowKeepsTheImbalance) {
  const auto [problem, zeta, a, b] = factors(10, 10, 5);
  const VectorXd x = zeta + 0.05 * VectorXd::NullaryExpr(zeta.size(), [](Eigen::Index i) {
                              return std::sin(static_cast<double>(3 * i));
                            });
  const auto projected = project_by_gradient_flow(problem, x);
  ASSERT_TRUE(projected.converged);
  EXPECT_LT(problem.residual(projected.point).norm(), 1e-8);
  EXPECT_LT((problem.imbalance(projected.point) - problem.imbalance(x)).norm(), 1e-9);
  EXPECT_GT((problem.imbalance(zeta) - problem.imbalance(x)).norm(), 0.01);
}

TEST(TanhNetworkDrift, ThroughJetsIsThatOfSampleSpaceInEveryRegime) {
  const MatrixXd inputs = MatrixXd::NullaryExpr(
      5, 3, [](Eigen::Index i, Eigen::Index j) { return std::sin(static_cast<double>(1 + 2 * i * i + 5 * j)); });
  const VectorXd labels = (VectorXd(5) << 0.8, -0.5, 0.3, 0.9, -0.2).finished();
  const TanhNetwork network{{inputs, labels, 8, 0.4}};
  const TanhModel model(network);
  const auto start = interpolate(model, VectorXd::NullaryExpr(network.size(), [](Eigen::Index i) {
                                   return std::sin(1.0 + 1.7 * static_cast<double>(i));
                                 }));
  ASSERT_TRUE(start.converged);
  const VectorXd& zeta = start.theta;
  EXPECT_LT((model.jacobian(zeta) - network.jacobian(zeta)).norm(), 1e-13);
  EXPECT_LT((model.residual(zeta) - network.residual(zeta)).norm(), 1e-13);
  const SampleSpectrum spectrum = sample_spectrum(model.jacobian(zeta), 5);
  EXPECT_GT(spectrum.lambda[0], 1e-4 * spectrum.largest());  // well above the rank tolerance
  VectorXd sgd;
  for (const auto& weights : kRegimes) {
    const auto slow = slow_coefficients(network, network.covariance(zeta), zeta, weights);
    const VectorXd in_samples = label_noise_drift(model, zeta, {0.8, 4.0}, weights);  // s2 = 0.64/4
    EXPECT_GT(in_samples.norm(), 1e-3);
    EXPECT_LT((slow.drift - in_samples).norm(), 1e-10);
    EXPECT_LT(slow.diffusion.norm(), 1e-6);
    if (sgd.size() == 0)
      sgd = in_samples;
    else
      EXPECT_GT((slow.drift - sgd).norm(), 1e-4) << "the test cannot tell";
  }
}

}  // namespace
}  // namespace quasar
