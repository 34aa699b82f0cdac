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
