#include "core/elementary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace quasar {
namespace {

/// Largest error of sine_cosine against a longer type on many points of [-bound, bound].
template <class Real, class Longer>
double largest_error(double bound, int points) {
  double worst = 0.0;
  for (int i = -points; i <= points; ++i) {
    const Real x = static_cast<Real>(bound * i / points);
    Real sine, cosine;
    sine_cosine(x, sine, cosine);
    const Longer of_sine = static_cast<Longer>(sine) - std::sin(static_cast<Longer>(x));
    const Longer of_cosine = static_cast<Longer>(cosine) - std::cos(static_cast<Longer>(x));
    worst = std::max({worst, static_cast<double>(std::abs(of_sine)), static_cast<double>(std::abs(of_cosine))});
  }
  return worst;
}

TEST(SineCosine, HasItsStatedAccuracyInDoublePrecision) {
  for (const double bound : {1e-6, 1.0, 10.0, 1e3, 1e6})
    EXPECT_LT((largest_error<double, long double>(bound, 200'000)), 3e-16) << bound;
}

TEST(SineCosine, HasItsStatedAccuracyInSinglePrecision) {
  for (const double bound : {1e-6, 1.0, 10.0, 1e3, 1e4})
    EXPECT_LT((largest_error<float, double>(bound, 200'000)), 1.5e-7) << bound;
}

TEST(SineCosine, LosesNothingToCancellationNextToTheZerosOfTheSine) {
  for (int n = -1000; n <= 1000; ++n) {
    const double x = n * std::numbers::pi;
    double sine, cosine;
    sine_cosine(x, sine, cosine);
    EXPECT_NEAR(sine, std::sin(x), 1e-28);
    EXPECT_EQ(cosine, n % 2 == 0 ? 1.0 : -1.0);
  }
}

template <class Real, class Longer>
double largest_error_of_tanh(double bound) {
  double worst = 0.0;
  for (int i = -200'000; i <= 200'000; ++i) {
    const Real x = static_cast<Real>(bound * i / 200'000);
    worst = std::max(worst, static_cast<double>(std::abs(hyperbolic_tangent(x) - std::tanh(static_cast<Longer>(x)))));
  }
  return worst;
}

TEST(HyperbolicTangent, HasItsStatedAccuracyAndItsLimits) {
  for (const double bound : {1e-6, 1.0, 20.0, 1e6}) {
    EXPECT_LT((largest_error_of_tanh<double, long double>(bound)), 4e-16) << bound;
    EXPECT_LT((largest_error_of_tanh<float, double>(bound)), 2e-7) << bound;
  }
  EXPECT_EQ(hyperbolic_tangent(1e6), 1.0);
  EXPECT_EQ(hyperbolic_tangent(-1e6), -1.0);
  EXPECT_TRUE(std::isnan(hyperbolic_tangent(std::nan(""))));
  EXPECT_TRUE(std::isnan(hyperbolic_tangent(std::nanf(""))));
}

}  // namespace
}  // namespace quasar
