// Exact laws of single steps, and of moments, on landscapes whose noise depends on the point.

#include <gtest/gtest.h>

#include <cmath>

#include "tests/toy_models/ensemble_for_tests.h"
#include "toy_models/diagonal_network.h"
#include "toy_models/matrix_factorization.h"
#include "toy_models/multiplicative_quadratic.h"

namespace quasar {
namespace {

// T10 of the theory, per worker v = .5, s = .81
TEST(MultiplicativeQuadratic, HasThePublishedStationaryMoments) {
  const MultiplicativeQuadratic bowl{1.3, std::sqrt(0.5 / 4), std::sqrt(0.81 / 4)};
  EXPECT_NEAR(bowl.stationary_second_moment(0.1, 1, 4), 0.0083729584, 1e-10);
  EXPECT_NEAR(bowl.stationary_second_moment(0.1, 4, 4), 0.0084213929, 1e-10);
  EXPECT_NEAR(bowl.stationary_second_moment(0.1, 16, 4), 0.0084965075, 1e-10);
  EXPECT_NEAR(bowl.stationary_second_moment(0.1, 64, 4), 0.0085048298, 1e-10);
}

// Every outcome of fair signs for K = 2, H = 2: the moment depends on the noise's first two moments alone.
TEST(MultiplicativeQuadratic, MomentsAreThoseOfTheEnumerationOfEveryNoise) {
  const MultiplicativeQuadratic bowl{1.3, 0.6, 0.8};
  constexpr double kEta = 0.2;
  const auto worker = [&](double x, unsigned signs) {  // two steps of two normals each
    for (unsigned step = 0; step < 2; ++step) {
      const auto sign = [&](unsigned bit) {
        return (signs >> (2 * step + bit) & 1u) != 0 ? std::sqrt(2) : -std::sqrt(2);
      };
      const double noise[2] = {sign(0), sign(1)};
      double g;
      bowl.noisy_gradient(&x, noise, &g);
      x -= kEta * g;
    }
    return x;
  };
  const auto after_round = [&](double x, const auto& f) {
    double sum = 0;
    for (unsigned signs = 0; signs < 256; ++signs) sum += f(0.5 * (worker(x, signs & 15u) + worker(x, signs >> 4)));
    return sum / 256;
  };
  const auto square = [](double x) { return x * x; };
  EXPECT_NEAR(after_round(0.7, square), bowl.second_moment(0.7, kEta, 2, 2, 1), 1e-15);
  const double twice = after_round(0.7, [&](double x) { return after_round(x, square); });
  EXPECT_NEAR(twice, bowl.second_moment(0.7, kEta, 2, 2, 2), 1e-15);
  EXPECT_GT(std::abs(twice - bowl.second_moment(0.7, kEta, 1, 2, 4)), 1e-4) << "the test cannot tell";
}

TEST(MultiplicativeQuadraticEnsemble, AverageDependsOnHAsTheClosedForm) {
  const MultiplicativeQuadratic bowl{1.0, std::sqrt(0.5), 1.0};
  EnsembleOptions options;
  options.num_workers = 4;
  options.replicas = 20'000;
  options.seed = 12;
  const Observable<1> square = [](const auto& seen) { return seen.average[0] * seen.average[0]; };
  for (const std::int64_t period : {1, 8}) {
    const auto mean = run_ensemble(bowl, Vec<1>(0.2), constant_schedule(0.2, 80, period), options, {square}, {})
                          .back()
                          .observables[0]
                          .estimate();
    const double theory = bowl.second_moment(0.2, 0.2, period, 4, 80 / period);
    const double wrong = bowl.second_moment(0.2, 0.2, period == 1 ? 8 : 1, 4, period == 1 ? 10 : 80);
    SCOPED_TRACE("H = " + std::to_string(period) + ": measured " + std::to_string(mean.mean) + " +- " +
                 std::to_string(mean.standard_error) + ", theory " + std::to_string(theory));
    EXPECT_NEAR(mean.mean, theory, 4 * mean.standard_error);
    EXPECT_GT(std::abs(mean.mean - wrong), 4 * mean.standard_error) << "the test cannot tell";
  }
}

DiagonalNetwork<8, 3> signs_network() {
  DiagonalNetwork<8, 3> network{{}, {1.0, -0.8, 0.6}, 0.5};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 8; ++j) network.inputs[i][j] = (j >> i & 1) != 0 ? -1.0 : 1.0;
  return network;
}

// p_j <- p_j (1 - 4 eta^2 (sum_i g_i z_ij / n)^2) for any residuals g, on the manifold and off it
TEST(DiagonalNetwork, EveryNoisyStepContractsTheProducts) {
  const auto network = signs_network();
  const Vec<16> x = Vec<16>::LinSpaced(16, 0.4, 1.3);
  const Vec<3> noise(0.7, -1.2, 0.4);
  Vec<16> g;
  const Vec<3> scaled = noise_amplitude(network, 0) * noise;
  network.noisy_gradient(x.data(), scaled.data(), g.data());
  constexpr double kEta = 0.1;
  const Vec<16> next = x - kEta * g;
  const Vec<8> w = network.linear_map(x);
  for (int j = 0; j < 8; ++j) {
    double mean = 0;
    for (int i = 0; i < 3; ++i) {
      double residual = 0.5 * std::sqrt(3.0) * noise[i] - network.labels[i];
      for (int k = 0; k < 8; ++k) residual += network.inputs[i][k] * w[k];
      mean += residual * network.inputs[i][j] / 3;
    }
    const double factor = 1 - 4 * kEta * kEta * mean * mean;
    EXPECT_NEAR(network.products(next)[j], network.products(x)[j] * factor, 1e-14);
    EXPECT_LT(factor, 0.9999);
  }
}

TEST(DiagonalNetworkEnsemble, ContractsItsProductsAtTheRateOfTheSlowSde) {
  const auto network = signs_network();
  const Vec<16> start = network.project(Vec<16>::Constant(0.5));
  constexpr double kTime = 0.4;
  EnsembleOptions options;
  options.num_workers = 4;
  options.replicas = 1'000;
  options.seed = 8;
  const Observable<16> log_product = [&](const auto& seen) { return std::log(network.products(seen.average)[0]); };
  const auto at = [&](double eta) {
    const auto schedule = constant_schedule(eta, std::llround(kTime / (eta * eta)), 1);
    return run_ensemble(network, start, schedule, options, {log_product}, {}).back().observables[0].estimate();
  };
  const Estimate measured = extrapolate_to_zero(0.04, at(0.04), 0.02, at(0.02));
  const auto theory_at = [&](double multiplier) {
    return std::log(network.products(network.slow_point(start, kTime, multiplier))[0]);
  };
  SCOPED_TRACE("measured " + std::to_string(measured.mean) + " +- " + std::to_string(measured.standard_error) +
               ", theory " + std::to_string(theory_at(1.0)));
  EXPECT_NEAR(measured.mean, theory_at(1.0), 4 * measured.standard_error);
  EXPECT_GT(std::abs(measured.mean - theory_at(0.75)), 4 * measured.standard_error) << "the test cannot tell";
}

// D <- D + eta^2 (V^T G^T G V - U^T G G^T U) for any residual G
TEST(MatrixFactorization, EveryNoisyStepMovesTheImbalanceByTheSquareOfTheStep) {
  MatrixFactorization problem{Eigen::MatrixXd::Zero(7, 5), 3, 1.0};
  const auto wave = [](Eigen::Index i) { return std::sin(1.0 + 1.7 * static_cast<double>(i)); };
  const Eigen::VectorXd x = Eigen::VectorXd::NullaryExpr(problem.size(), wave);
  problem.target = Eigen::MatrixXd::NullaryExpr(7, 5, [&](Eigen::Index i, Eigen::Index j) { return wave(3 * i + j); });
  constexpr double kEta = 0.1;
  const Eigen::MatrixXd u = problem.left(x), v = problem.right(x), g = problem.residual(x);
  const Eigen::MatrixXd moved = problem.imbalance(x - kEta * problem.gradient(x)) - problem.imbalance(x);
  const Eigen::MatrixXd expected =
      kEta * kEta * (v.transpose() * g.transpose() * g * v - u.transpose() * g * g.transpose() * u);
  EXPECT_LT((moved - expected).norm(), 1e-13);
  EXPECT_GT(expected.norm(), 0.01);
}

}  // namespace
}  // namespace quasar
