#include "core/elementary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
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

/// Over a binade and its neighbour, whose halved exponents differ, and over all of them.
template <class Visit>
void for_numbers_of_every_size(const Visit& visit) {
  for (int i = 0; i < 400'000; ++i) visit(1.0f + 3.0f * static_cast<float>(i) / 400'000.0f);
  for (int exponent = -126; exponent < 127; ++exponent)
    for (int i = 0; i < 500; ++i) visit(std::ldexp(1.0f + static_cast<float>(i) / 512.0f, exponent));
}

TEST(FastSquareRoots, HaveTheirStatedAccuracyForNumbersOfEverySize) {
  double worst_root = 0.0, worst_reciprocal = 0.0, worst_guess = 0.0;
  for_numbers_of_every_size([&](float x) {
    const double root = std::sqrt(static_cast<double>(x));
    worst_root = std::max(worst_root, std::abs(static_cast<double>(fast_square_root(x)) / root - 1));
    worst_reciprocal =
        std::max(worst_reciprocal, std::abs(static_cast<double>(fast_reciprocal_square_root(x)) * root - 1));
    worst_guess = std::max(worst_guess, std::abs(static_cast<double>(rough_reciprocal_square_root(x)) * root - 1));
  });
  EXPECT_LT(worst_root, 2e-7);
  EXPECT_LT(worst_reciprocal, 2e-7);
  EXPECT_LT(worst_guess, 6.6e-4);
  EXPECT_GT(worst_guess, 6.4e-4);
  std::printf("%.2e %.2e %.2e\n", worst_root, worst_reciprocal, worst_guess);
}

TEST(FastSquareRoots, TakeZeroWhatRoundingMakesOfItAndNan) {
  EXPECT_EQ(fast_square_root(0.0f), 0.0f);
  EXPECT_EQ(fast_square_root(0.0), 0.0);
  for (const double below : {-1e-3, -1e-7, -1e-12}) {
    EXPECT_EQ(fast_square_root(below), 0.0);
    EXPECT_LT(std::abs(fast_square_root(static_cast<float>(below))), 1e-20f);
  }
  EXPECT_TRUE(std::isnan(fast_square_root(std::nanf(""))));
  EXPECT_TRUE(std::isnan(fast_square_root(std::nan(""))));
  EXPECT_TRUE(std::isnan(fast_reciprocal_square_root(std::nanf(""))));
}

}  // namespace
}  // namespace quasar
