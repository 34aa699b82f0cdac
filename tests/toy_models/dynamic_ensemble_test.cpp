// Ensembles on a matrix factorisation and a tanh network against the laws of their Slow SDEs, which are ODEs.

#include <gtest/gtest.h>

#include <cstdio>

#include "core/drift_factors.h"
#include "core/estimate.h"
#include "sde/label_noise_flow.h"
#include "tests/sde/tanh_model.h"
#include "tests/toy_models/dynamic_for_tests.h"

namespace quasar {
namespace {

using Eigen::MatrixXd, Eigen::VectorXd;

/// Agreement within 4 s.e. and a derived bias; the nearest wrong theory must be excluded by the same rule.
void expect_agreement(const Estimate& measured, double theory, double bias, double wrong, const std::string& what) {
  std::printf("%s: measured %.5f +- %.5f, theory %.5f, bias %.5f, wrong %.5f\n", what.c_str(), measured.mean,
              measured.standard_error, theory, bias, wrong);
  const double allowed = 4 * measured.standard_error + bias;
  EXPECT_NEAR(measured.mean, theory, allowed) << what;
  EXPECT_GT(std::abs(measured.mean - wrong), allowed) << what << ": the test cannot tell";
}

/// Romberg's extrapolation to eta = 0 from eta, eta/2 and eta/4 at one eta H.
template <class Measure>
Estimate extrapolate_twice(double eta, const Measure& measure) {
  const double weight[] = {1.0 / 3, -2.0, 8.0 / 3};
  Estimate result{0.0, 0.0};
  for (int i = 0; i < 3; ++i) {
    const Estimate at = measure(eta / (1 << i));
    std::printf("eta = %g: %.5f +- %.5f\n", eta / (1 << i), at.mean, at.standard_error);
    result.mean += weight[i] * at.mean;
    result.standard_error = std::hypot(result.standard_error, weight[i] * at.standard_error);
  }
  return result;
}

// D <- D + eta^2 (V^T G^T G V - U^T G G^T U) in every replica, G the noise by the names of its draws
TEST(MatrixFactorizationEnsemble, AStepMovesTheImbalanceByTheSquareOfItsOwnNoise) {
  const auto [problem, start] = matrix_problem(5, 4, 2);
  const MatrixXd u = problem.left(start), v = problem.right(start);
  constexpr double kEta = 0.1;
  EnsembleOptions options;
  options.num_workers = 1;
  options.replicas = 70;
  options.seed = 3;
  auto recording = unprojected_recording<MatrixFactorization>();
  recording.paths = 70;
  const auto paths =
      records_of<MatrixFactorization>({problem, start}, constant_schedule(kEta, 1, 1), options, recording).back().paths;
  for (std::uint32_t replica = 0; replica < 70; ++replica) {
    const MatrixXd g = MatrixXd::NullaryExpr(5, 4, [&](Eigen::Index i, Eigen::Index j) {
      const auto entry = static_cast<std::uint32_t>(5 * j + i);
      float z[4];
      normals({3, Use::toy_noise, replica, 0, 0, entry / 4}, z);
      return 0.5 * static_cast<double>(z[entry % 4]);
    });
    const MatrixXd expected =
        kEta * kEta * (v.transpose() * g.transpose() * g * v - u.transpose() * g * g.transpose() * u);
    const auto x = Eigen::Map<const VectorXd>(paths[replica].data(), start.size());
    EXPECT_LT((problem.imbalance(x) - problem.imbalance(start) - expected).norm(), 1e-13);
    EXPECT_GT(expected.norm(), 1e-4);
  }
}

/// tr H after a slow time when U^T U and V^T V are diagonal, by the ODE of the modes of the noise
///   dd_i/dt = s2 [b_i sum_k w(a_k + b_i) - a_i sum_j w(a_i + b_j)],   d_i = a_i - b_i,   a_i b_i = h_i^2
/// (network_drifts_test.cpp), a classical Runge-Kutta step of it a hundredth of the time.
double trace_by_modes(const MatrixFactorization& problem, const VectorXd& start, const DriftWeights& weights,
                      double slow_time) {
  const Eigen::Index n = problem.target.rows(), r = problem.rank;
  const Eigen::ArrayXd a0 = problem.left(start).colwise().squaredNorm(),
                       b0 = problem.right(start).colwise().squaredNorm();
  const Eigen::ArrayXd product = a0 * b0;
  const auto larger = [&](const Eigen::ArrayXd& d) -> Eigen::ArrayXd {
    return 0.5 * (d + (d.square() + 4 * product).sqrt());
  };
  const auto rate = [&](const Eigen::ArrayXd& d) -> Eigen::ArrayXd {
    const Eigen::ArrayXd a = larger(d), b = a - d;
    Eigen::ArrayXd result = Eigen::ArrayXd::Zero(r);
    for (Eigen::Index i = 0; i < r; ++i)
      for (Eigen::Index k = 0; k < n; ++k) {
        const double in_u = (k < r ? a[k] : 0.0) + b[i], in_v = a[i] + (k < r ? b[k] : 0.0);
        result[i] += b[i] * weights(in_u, in_u) - a[i] * weights(in_v, in_v);
      }
    return problem.noise_scale * problem.noise_scale * result;
  };
  constexpr int kSteps = 100;
  const double h = slow_time / kSteps;
  Eigen::ArrayXd d = a0 - b0;
  for (int step = 0; step < kSteps; ++step) {
    const Eigen::ArrayXd k1 = rate(d), k2 = rate(d + 0.5 * h * k1), k3 = rate(d + 0.5 * h * k2), k4 = rate(d + h * k3);
    d += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
  }
  return static_cast<double>(n) * (2 * larger(d) - d).sum();
}

TEST(MatrixFactorizationEnsemble, LosesItsSharpnessByTheClosedFormsOfItsRegimes) {
  using namespace drift_weights;
  const auto problem = matrix_problem(4, 4, 2);
  const auto& [factors, start] = problem;
  const auto trace = [&](const VectorXd& x) { return factors.trace_of_hessian(x); };
  const auto by_modes = [&](const DriftWeights& weights, double time) {
    return trace_by_modes(factors, start, weights, time);
  };
  EXPECT_NEAR(by_modes({Sgd{}, 4}, 0.5), factors.trace_of_hessian_after(start, 0.5, 1.0), 1e-8);
  EXPECT_NEAR(by_modes({Quadratic{}, 4}, 0.5), factors.trace_of_hessian_after(start, 0.5, 4.0), 1e-8);

  const Estimate sgd = extrapolate_twice(
      0.04, [&](double eta) { return trace_after(problem, eta, 1, 0.5, 256, toy_noise::LabelNoise{}, trace); });
  expect_agreement(sgd, factors.trace_of_hessian_after(start, 0.5, 1.0), 0.0,
                   factors.trace_of_hessian_after(start, 0.5, 0.95), "SGD");

  const Estimate local = extrapolate_twice(0.02, [&](double eta) {
    return trace_after(problem, eta, std::llround(0.4 / eta), 0.24, 256, toy_noise::Gaussian{}, trace);
  });
  expect_agreement(local, by_modes({LocalSgd{0.4}, 4}, 0.24), 0.0, by_modes({LocalSgd{0.4}, 3}, 0.24), "H = 0.4/eta");

  // Rounds so long that their weight is K but for 1/(2 eta H l): theory's limit of the Quadratic Synchronization Rule.
  const Estimate quadratic = extrapolate_twice(0.01, [&](double eta) {
    return trace_after(problem, eta, std::llround(8.0 / eta), 0.24, 64, toy_noise::Gaussian{}, trace);
  });
  const double limit = factors.trace_of_hessian_after(start, 0.24, 4.0), finite = by_modes({LocalSgd{8.0}, 4}, 0.24);
  expect_agreement(quadratic, finite, 0.0, by_modes({LocalSgd{8.0}, 3}, 0.24), "H = 8/eta");
  expect_agreement(quadratic, limit, std::abs(finite - limit), factors.trace_of_hessian_after(start, 0.24, 3.0),
                   "H = 8/eta, limit of long rounds");
}

TEST(TanhNetworkEnsemble, LosesItsSharpnessAsTheSlowSdeInSampleSpace) {
  using namespace drift_weights;
  const auto problem = tanh_problem();
  const auto& [network, start] = problem;
  const TanhModel model(network);
  const auto trace = [&](const VectorXd& x) { return model.jacobian(x).squaredNorm() / 3; };
  const auto theory = [&](const DriftWeights& weights, double time) {
    VectorXd zeta = start;
    for (int i = 0; i < 400; ++i) zeta = label_noise_step(model, zeta, {0.5, 1.0}, weights, time / 400);  // s2 = 0.25
    return trace(zeta);
  };
  std::printf("tr H at the start: %.5f\n", trace(start));
  const Estimate sgd = extrapolate_twice(
      0.08, [&](double eta) { return trace_after(problem, eta, 1, 2.0, 256, toy_noise::LabelNoise{}, trace); });
  expect_agreement(sgd, theory({Sgd{}, 4}, 2.0), 0.0, theory({Sgd{}, 4}, 1.9), "SGD");
  const Estimate local = extrapolate_twice(0.04, [&](double eta) {
    return trace_after(problem, eta, std::llround(0.8 / eta), 0.64, 256, toy_noise::Gaussian{}, trace);
  });
  expect_agreement(local, theory({LocalSgd{0.8}, 4}, 0.64), 0.0, theory({LocalSgd{0.8}, 3}, 0.64), "H = 0.8/eta");
  EXPECT_GT(std::abs(local.mean - theory({Sgd{}, 4}, 0.64)), 4 * local.standard_error);
}

}  // namespace
}  // namespace quasar
