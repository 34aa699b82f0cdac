#include "core/rounded_sample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/estimate.h"

namespace quasar {
namespace {

const std::vector<double> kLevels = {0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0};

/// Values of every size and sign.
std::vector<double> values(int count) {
  std::vector<double> result;
  for (int i = 0; i < count; ++i) result.push_back(std::sin(1.7 * i) * std::exp(7 * std::cos(0.3 * i)));
  return result;
}

RoundedSample sample_of(const std::vector<double>& values) {
  RoundedSample sample;
  for (const double value : values) sample.add(value);
  return sample;
}

TEST(RoundedSample, HasTheQuantilesOfTheValuesToThirteenBits) {
  for (const int count : {1, 2, 3, 100, 200'001}) {
    const auto exact = quantiles(values(count), kLevels), rounded = sample_of(values(count)).quantiles(kLevels);
    const auto largest = std::max(std::abs(exact.front()), std::abs(exact.back()));
    for (std::size_t i = 0; i < exact.size(); ++i) {
      // between two order statistics of different size the larger one's rounding counts; with many they are neighbours
      EXPECT_NEAR(rounded[i], exact[i], 0x1.001p-13 * (count > 100 ? std::abs(exact[i]) + 1e-3 : largest)) << count;
    }
  }
}

TEST(RoundedSample, ValuesOfThirteenBitsAreKeptExactly) {
  EXPECT_EQ(sample_of({0.5}).quantiles({0.5})[0], 0.5);
  EXPECT_EQ(sample_of({-4095.5, 0.0, 8191.0}).quantiles({0.0, 0.5, 1.0}), (std::vector<double>{-4095.5, 0.0, 8191.0}));
  EXPECT_NE(sample_of({8191.5}).quantiles({0.5})[0], 8191.5);
}

TEST(RoundedSample, DoesNotDependOnOrderOrGrouping) {
  const auto all = values(100'000);
  const RoundedSample at_once = sample_of(all), reversed = sample_of({all.rbegin(), all.rend()});
  RoundedSample merged = sample_of({all.begin() + 777, all.end()});
  merged.merge(sample_of({all.begin(), all.begin() + 777}));
  merged.merge(RoundedSample{});
  EXPECT_EQ(at_once.bins(), reversed.bins());
  EXPECT_EQ(at_once.bins(), merged.bins());
  std::int64_t count = 0;
  for (const auto& [bin, number] : merged.bins()) count += number;
  EXPECT_EQ(count, 100'000);
}

TEST(RoundedSample, TakesInfinitiesAndLeavesOutWhatIsNoNumber) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(sample_of({kInfinity, std::nan(""), 1.0, -kInfinity}).quantiles({0.0, 0.5, 1.0}),
            (std::vector<double>{-kInfinity, 1.0, kInfinity}));
  EXPECT_TRUE(std::isnan(sample_of({std::nan("")}).quantiles({0.5})[0]));
}

}  // namespace
}  // namespace quasar
