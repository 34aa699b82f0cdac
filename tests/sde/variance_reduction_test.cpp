#include <gtest/gtest.h>

#include <cstdio>

#include "core/estimate.h"
#include "sde/control_variates.h"
#include "sde/coupled_sgd.h"
#include "sde/multilevel.h"
#include "tests/sde/exact_propagation.h"
#include "toy_models/circle.h"

namespace quasar {
namespace {

const Circle kCircle{4.0, std::sqrt(2.0), std::sqrt(0.4)};
double cosine(const Vec<2>& x) { return x[0] * x[0] - x[1] * x[1]; }

// e^W = e^{T/2} sum_k T^{k/2}/sqrt(k!) h_k(W) in normalised Hermite polynomials: W and W^2 - T explain k = 1, 2, so the
// variance falls from e^T (e^T - 1) to e^T (e^T - 1 - T - T^2/2).
TEST(ControlVariates, LeaveTheVarianceOfTheHigherHermiteTerms) {
  constexpr double kTime = 0.5;
  constexpr int kPaths = 200000, kSteps = 4;
  Eigen::VectorXd values(kPaths);
  Eigen::MatrixXd controls(kPaths, 2);
  for (int path = 0; path < kPaths; ++path) {
    controls.row(path) = brownian_controls<1>(NoiseLaw::gaussian, 3, path, kSteps, kTime / kSteps);
    values[path] = std::exp(controls(path, 0));
  }
  const auto found = controlled_mean(values, controls);
  const double expected = std::expm1(kTime) / (std::expm1(kTime) - kTime - kTime * kTime / 2);
  std::printf("e^W: %.5f +- %.5f, exact %.5f; variance ratio %.1f, exact %.1f\n", found.mean.mean,
              found.mean.standard_error, std::exp(kTime / 2), found.variance_ratio, expected);
  EXPECT_NEAR(found.mean.mean, std::exp(kTime / 2), 4 * found.mean.standard_error);
  // what is left has the kurtosis 479, so its variance a relative error of sqrt(478 / n); W alone would give 4.4
  EXPECT_NEAR(found.variance_ratio / expected, 1.0, 4 * std::sqrt(478.0 / kPaths));
  controls.col(1).array() += 0.1;  // a control whose mean is not 0
  const auto wrong = controlled_mean(values, controls);
  EXPECT_GT(std::abs(wrong.mean.mean - std::exp(kTime / 2)), 10 * wrong.mean.standard_error);
  EXPECT_THROW(controlled_mean(values.head(3), controls.topRows(3)), NumericalError);
}

TEST(ControlVariates, OfTheAmbientNoiseHaveMeanZero) {
  constexpr int kPaths = 4000;
  Eigen::MatrixXd controls(kPaths, 5);
  for (int path = 0; path < kPaths; ++path)
    controls.row(path) = brownian_controls<2>(NoiseLaw::three_point, 9, path, 8, 0.1);
  for (int i = 0; i < 5; ++i) {
    RunningMoments moments;
    for (int path = 0; path < kPaths; ++path) moments.add(controls(path, i));
    EXPECT_NEAR(moments.mean(), 0.0, 4 * moments.estimate().standard_error) << i;
    EXPECT_NEAR(moments.variance(), i < 2 ? 0.8 : i == 3 ? 0.64 : 1.28, 0.2) << i;
  }
}

const Curve kOnCircle = Curve::of("circle", kCircle, 1, 1);

// The two columns of the circle's noise do not commute, so without areas the strong order is 1/2 and the variance of a
// difference falls as the step: (1.55 + 6 * 0.69)^2 = 32 against 154 for one level of 512 steps, in units of s^-2.
TEST(Multilevel, HasTheMeanOfItsFinestLevelAtTheStandardErrorAskedForAndALowerCost) {
  const MultilevelOptions options{kSlowTime, 8, 7, 0.006, 400, 21};
  const auto slow = slow_coefficient_field(kCircle, kCircle, kWeights);
  const MultilevelMean found =
      multilevel_mean(slow, newton_retraction(kCircle), kOnCircle.point(kStart), options, cosine);
  const Curve::Retraction newton = newton_retraction(kCircle);
  const auto exactly = [&](std::int64_t steps) {
    return expectation(kOnCircle, Euler{}, kOnCircle.slow, newton, atoms_of(NoiseLaw::gaussian),
                       static_cast<int>(steps))(0, 0);
  };
  std::printf("multilevel %.5f +- %.5f, its finest level exactly %.5f, cost %.3g against %.3g\n", found.mean.mean,
              found.mean.standard_error, exactly(512), found.cost, found.single_level_cost);
  EXPECT_NEAR(found.mean.mean, exactly(512), 4 * found.mean.standard_error);
  EXPECT_NEAR(found.mean.standard_error, 0.006, 0.0009);  // variances from 400 pilot paths
  EXPECT_LT(3 * found.cost, found.single_level_cost);

  double coarser = 0.0;
  std::vector<double> step_sizes, variances;
  for (const MultilevelLevel& level : found.levels) {
    const double exact = exactly(level.steps), error = level.difference.estimate().standard_error;
    std::printf("%4lld steps, %6lld paths: %.5f +- %.5f, exactly %.5f; variance %.2e\n",
                static_cast<long long>(level.steps), static_cast<long long>(level.difference.count()),
                level.difference.mean(), error, exact - coarser, level.difference.variance());
    EXPECT_NEAR(level.difference.mean(), exact - coarser, 4 * error);
    EXPECT_EQ(level.paths_that_left, 0);
    coarser = exact;
    if (level.steps < 64) continue;
    step_sizes.push_back(1.0 / static_cast<double>(level.steps));
    variances.push_back(level.difference.variance());
  }
  EXPECT_EQ(found.bias.mean, found.levels.back().difference.mean());
  EXPECT_NEAR(fit_order(step_sizes, variances).slope, 1.0, 0.25);  // variances to 10 %; independent levels: 0
}

TEST(Multilevel, RefusesOptionsThatMeanNothing) {
  const auto slow = slow_coefficient_field(kCircle, kCircle, kWeights);
  const MultilevelOptions no_error_wanted{kSlowTime, 8, 3, 0.0, 400, 21}, no_level{kSlowTime, 8, 0, 0.1, 400, 21};
  for (const auto& options : {no_error_wanted, no_level})
    EXPECT_THROW(multilevel_mean(slow, newton_retraction(kCircle), kOnCircle.point(kStart), options, cosine),
                 ConfigError);
}

CoupledSgdMeans coupled(double learning_rate, std::int64_t sgd_steps) {
  static const DriftWeights kSgd{drift_weights::Sgd{}, 1};
  CoupledSgdOptions options{learning_rate, sgd_steps, 50, 600, 5};
  return coupled_sgd_means(kCircle, kCircle, slow_coefficient_field(kCircle, kCircle, kSgd), newton_retraction(kCircle),
                           kOnCircle.point(kStart), options, cosine);
}

TEST(CoupledSgd, DifferenceFromTheSlowSdeNeedsFewerPathsAndFewerStillAsEtaFalls) {
  double last = 0.0;
  for (const auto& [learning_rate, sgd_steps] : {std::pair(0.1, 1), std::pair(0.05, 4), std::pair(0.025, 16)}) {
    const auto found = coupled(learning_rate, sgd_steps);
    std::printf("eta %.3f: SGD %.4f +- %.4f, SDE %.4f, difference %.4f +- %.4f, variance ratio %.1f\n", learning_rate,
                found.sgd.mean, found.sgd.standard_error, found.sde.mean, found.difference.mean,
                found.difference.standard_error, found.variance_ratio);
    EXPECT_EQ(found.paths_that_left, 0);
    EXPECT_GE(found.variance_ratio, 10.0);
    EXPECT_GT(found.variance_ratio, last);
    last = found.variance_ratio;
  }
}

}  // namespace
}  // namespace quasar
