#include "core/running_covariance.h"

#include <gtest/gtest.h>

#include <cmath>

namespace quasar {
namespace {

std::vector<double> row(int i) { return {1e6 + std::sin(i), std::cos(2.0 * i), 3.0 - 2.0 * std::sin(i)}; }

TEST(RunningCovariance, EqualsTheTwoPassFormula) {
  constexpr int kRows = 100;
  RunningCovariance running(3);
  std::vector<double> mean(3);
  for (int i = 0; i < kRows; ++i) {
    running.add(row(i));
    for (std::size_t k = 0; k < 3; ++k) mean[k] += row(i)[k] / kRows;
  }
  for (std::size_t k = 0; k < 3; ++k)
    for (std::size_t l = 0; l < 3; ++l) {
      double sum = 0.0;
      for (int i = 0; i < kRows; ++i) sum += (row(i)[k] - mean[k]) * (row(i)[l] - mean[l]);
      EXPECT_NEAR(running.covariance(k, l), sum / (kRows - 1), 1e-9) << k << l;
    }
  EXPECT_NEAR(running.covariance(0, 2), -2.0 * running.covariance(0, 0), 1e-9);
}

TEST(RunningCovariance, HasTheMomentsOfEachNumberToTheBitAlsoWhenMerged) {
  RunningCovariance left(3), right(3);
  RunningMoments left_second, right_second;
  for (int i = 0; i < 100; ++i) {
    (i < 37 ? left : right).add(row(i));
    (i < 37 ? left_second : right_second).add(row(i)[1]);
  }
  left.merge(right);
  left_second.merge(right_second);
  EXPECT_EQ(left.count(), 100);
  EXPECT_EQ(left.moments(1).mean(), left_second.mean());
  EXPECT_EQ(left.moments(1).variance(), left_second.variance());
}

TEST(RunningCovariance, MergingEqualsAddingOneByOneAndNothingChangesNoBit) {
  RunningCovariance all(3), left(3), right(3);
  for (int i = 0; i < 100; ++i) {
    all.add(row(i));
    (i < 37 ? left : right).add(row(i));
  }
  RunningCovariance empty(3);
  empty.merge(right);
  EXPECT_EQ(empty.mean(), right.mean());
  EXPECT_EQ(empty.products(), right.products());
  left.merge(right);
  left.merge(RunningCovariance(3));
  for (std::size_t k = 0; k < 3; ++k)
    for (std::size_t l = 0; l < 3; ++l) EXPECT_NEAR(left.covariance(k, l), all.covariance(k, l), 1e-9);
}

}  // namespace
}  // namespace quasar
