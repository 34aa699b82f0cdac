#include "core/estimate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace quasar {
namespace {

TEST(RunningMoments, EqualTheTwoPassFormulas) {
  const std::vector<double> values = {1e9 + 1.0, 1e9 + 2.0, 1e9 + 4.0, 1e9 + 9.0};
  RunningMoments moments;
  for (const double value : values) moments.add(value);
  EXPECT_DOUBLE_EQ(moments.mean(), 1e9 + 4.0);
  EXPECT_NEAR(moments.variance(), (9.0 + 4.0 + 0.0 + 25.0) / 3.0, 1e-6);  // the sum of squares loses all digits here
  EXPECT_NEAR(moments.estimate().standard_error, std::sqrt(38.0 / 3.0 / 4.0), 1e-6);
}

TEST(RunningMoments, MergingEqualsAddingOneByOne) {
  RunningMoments all, left, right;
  for (int i = 0; i < 100; ++i) {
    const double value = std::sin(i);
    all.add(value);
    (i < 37 ? left : right).add(value);
  }
  left.merge(right);
  left.merge(RunningMoments{});
  EXPECT_EQ(left.count(), 100);
  EXPECT_NEAR(left.mean(), all.mean(), 1e-15);
  EXPECT_NEAR(left.variance(), all.variance(), 1e-14);
}

TEST(FitOrder, FindsTheExponentOfAPowerLaw) {
  const std::vector<double> steps = {0.1, 0.05, 0.025};
  const LineFit fit =
      fit_order(steps, {3.0 * std::pow(0.1, 1.5), 3.0 * std::pow(0.05, 1.5), 3.0 * std::pow(0.025, 1.5)});
  EXPECT_NEAR(fit.slope, 1.5, 1e-12);
  EXPECT_NEAR(fit.slope_standard_error, 0.0, 1e-12);
}

TEST(FitWeightedLine, IsTheUnweightedFitForEqualErrorsAndIgnoresAWorthlessPoint) {
  const std::vector<double> x = {0.5, 1.0, 3.0, 4.0};
  const std::vector<double> y = {1.0, 2.5, 2.0, 5.0};
  std::vector<Estimate> points;
  for (const double value : y) points.push_back({value, 0.2});
  const WeightedLineFit fit = fit_weighted_line(x, points);
  const LineFit plain = fit_line(x, y);
  EXPECT_NEAR(fit.slope, plain.slope, 1e-12);
  EXPECT_NEAR(fit.intercept, plain.intercept, 1e-12);
  EXPECT_NEAR(std::sqrt(fit.slope_variance * fit.chi_square / 2.0), plain.slope_standard_error, 1e-12);
  points[2].standard_error = 1e6;
  const LineFit without = fit_line({0.5, 1.0, 4.0}, {1.0, 2.5, 5.0});
  EXPECT_NEAR(fit_weighted_line(x, points).slope, without.slope, 1e-9);
}

TEST(FitWeightedLine, HasTheVariancesOfItsLinearCombinations) {
  const std::vector<double> x = {0.5, 1.0, 3.0, 4.0};
  const std::vector<Estimate> points = {{1.0, 0.1}, {2.5, 0.3}, {2.0, 0.2}, {5.0, 0.4}};
  const WeightedLineFit fit = fit_weighted_line(x, points);
  double slope_variance = 0.0, variance_at_two = 0.0;
  for (std::size_t i = 0; i < 4; ++i) {  // the fit is linear in the values
    auto moved = points;
    moved[i].mean += 1.0;
    const WeightedLineFit other = fit_weighted_line(x, moved);
    slope_variance += std::pow((other.slope - fit.slope) * points[i].standard_error, 2);
    variance_at_two += std::pow((other.at(2.0) - fit.at(2.0)) * points[i].standard_error, 2);
  }
  EXPECT_NEAR(fit.slope_variance, slope_variance, 1e-12);
  EXPECT_NEAR(fit.standard_error_at(2.0), std::sqrt(variance_at_two), 1e-12);
}

TEST(Extrapolation, RemovesABiasProportionalToTheLearningRate) {
  const Estimate result = extrapolate_to_zero(0.02, {5.0 + 0.02 * 7.0, 0.3}, 0.01, {5.0 + 0.01 * 7.0, 0.4});
  EXPECT_NEAR(result.mean, 5.0, 1e-12);
  EXPECT_NEAR(result.standard_error, std::hypot(0.3, 2.0 * 0.4), 1e-12);
}

TEST(Quantiles, AreLinearBetweenTheOrderStatistics) {
  const auto found = quantiles({4.0, 1.0, 3.0, 2.0, 5.0}, {0.0, 0.05, 0.5, 0.875, 1.0});
  const std::vector<double> expected = {1.0, 1.2, 3.0, 4.5, 5.0};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-15) << i;
  EXPECT_EQ(quantiles({7.0}, {0.0, 1.0}), (std::vector<double>{7.0, 7.0}));
  EXPECT_TRUE(std::isnan(quantiles({}, {0.5})[0]));
}

}  // namespace
}  // namespace quasar
