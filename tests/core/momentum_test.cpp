#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "core/drift_factors.h"

namespace quasar {
namespace {

TEST(MomentumMoments, WithoutMomentumAreThoseOfGradientDescent) {
  for (const std::int64_t period : {1, 2, 7, 400})
    for (const double lambda : {0.0, 0.3, 1.7}) {
      const auto [stationary, factor] = momentum_moments(0.1, 0.0, 1.3, lambda, period);
      const double decay = pair_decay(0.1, 1.3, lambda);
      EXPECT_NEAR(stationary * decay / 0.01, 1, 1e-12);
      EXPECT_NEAR(factor, psi_disc(decay, period), 1e-12);
    }
}

// Var x = eta s (1 + b)/((1 - b) l (2 (1 + b) - eta l)) of the heavy ball
TEST(MomentumMoments, OfTheAverageAreThePublishedVariance) {
  const double eta = 0.05, b = 0.9, l = 1.3;
  EXPECT_NEAR(momentum_moments(eta, b, l, l, 5).stationary, eta * (1 + b) / ((1 - b) * l * (2 * (1 + b) - eta * l)),
              1e-13);
}

/// Mean over a round of E x_i x_j of K workers about their average, in units of K - 1: every worker and pair of workers
/// is followed step by step through many rounds; an average sets the positions equal and keeps the velocities.
double followed_dispersion(double eta, double b, double li, double lj, std::int64_t period, int workers) {
  using Moments = std::array<double, 4>;  // xx, xm, mx, mm of modes i and j
  const auto step = [&](const Moments& c, double noise) {
    const double ai[2][2] = {{1 - eta * li, -eta * b}, {li, b}}, aj[2][2] = {{1 - eta * lj, -eta * b}, {lj, b}};
    const double kick[2] = {-eta, 1};
    Moments next{};
    for (std::size_t p = 0; p < 2; ++p)
      for (std::size_t q = 0; q < 2; ++q) {
        next[2 * p + q] = noise * kick[p] * kick[q];
        for (std::size_t r = 0; r < 2; ++r)
          for (std::size_t s = 0; s < 2; ++s) next[2 * p + q] += ai[p][r] * aj[q][s] * c[2 * r + s];
      }
    return next;
  };
  Moments own{}, other{};  // a worker with itself, with another
  double mean = 0;
  for (int round = 0; round < 4000; ++round) {
    mean = 0;
    for (std::int64_t h = 0; h < period; ++h) {
      mean += (own[0] - other[0]) * (workers - 1) / workers / static_cast<double>(period);
      own = step(own, workers);
      other = step(other, 0);
    }
    for (const std::size_t i : {0, 1, 2}) own[i] = other[i] = own[i] / workers + (1 - 1.0 / workers) * other[i];
  }
  return mean / (workers - 1);
}

TEST(MomentumMoments, AreThoseOfWorkersFollowedStepByStep) {
  for (const auto& [li, lj] : std::vector<std::array<double, 2>>{{1.3, 1.3}, {1.3, 0.4}, {0.8, 0.0}})
    for (const std::int64_t period : {1, 2, 13, 60}) {
      const auto [stationary, factor] = momentum_moments(0.03, 0.8, li, lj, period);
      const double followed = followed_dispersion(0.03, 0.8, li, lj, period, 4) / stationary;
      EXPECT_NEAR(factor, followed, 1e-10) << li << " " << lj << " H " << period;
      if (period > 1) {
        EXPECT_GT(std::abs(psi_disc(pair_decay(0.15, li, lj), period) / followed - 1), 0.01);  // effective rate alone
      }
    }
  EXPECT_EQ(momentum_moments(0.03, 0.8, 1.3, 0.4, 1).psi, 0.0);
}

TEST(MomentumMoments, TendToPsiOfTheEffectiveRateForLongRoundsOfSmallSteps) {
  double previous = 1;
  for (const double eta : {1e-3, 1e-4, 1e-5}) {
    const auto period = static_cast<std::int64_t>(std::lround(0.1 / eta));  // effective rate 10 eta, beta = 1
    const double gap = std::abs(momentum_moments(eta, 0.9, 0.6, 0.6, period).psi - psi(1.2));
    EXPECT_LT(gap, 0.15 * previous);
    previous = gap;
  }
  EXPECT_LT(previous, 2e-3);
}

// T13a of the theory: y of T1 (y0 = 0.5, s2 = 1, K = 4) at slow time 1 with b = 0.9 and effective eta H = 1
TEST(MomentumMoments, GiveThePublishedDriftOfTheValley) {
  const auto end_of_valley = [](const auto& multiplier) {
    double y = 0.5;
    constexpr int kSteps = 200;
    const auto rate = [&](double at) { return -0.25 * multiplier(std::exp(at)); };
    for (int i = 0; i < kSteps; ++i) y += rate(y + 0.5 / kSteps * rate(y)) / kSteps;
    return y;
  };
  const auto local = [](double eta, std::int64_t period) {
    return [=](double l) { return 1 + 3 * momentum_moments(eta, 0.9, l, l, period).psi; };
  };
  EXPECT_NEAR(end_of_valley(local(0.001, 100)), -0.1656, 1e-4);
  EXPECT_NEAR(end_of_valley(local(0.0005, 200)), -0.1852, 1e-4);
  EXPECT_NEAR(end_of_valley([](double l) { return 1 + 3 * psi(2 * l); }), -0.2046, 1e-4);
}

TEST(DriftWeights, WithMomentumAreInUnitsOfTheEffectiveRate) {
  const DriftWeights weights{drift_weights::FiniteStep{0.001, 100, 0.9}, 4};
  const auto [stationary, factor] = momentum_moments(0.001, 0.9, 1.3, 0.4, 100);
  EXPECT_NEAR(weights(1.3, 0.4), (1 + 3 * factor) * stationary / (0.01 / 1.7), 1e-14);
  EXPECT_NEAR((DriftWeights{drift_weights::FiniteStep{1e-8, 1, 0.9}, 4}(1.3, 0.4)), 1.0, 1e-6);
}

}  // namespace
}  // namespace quasar
