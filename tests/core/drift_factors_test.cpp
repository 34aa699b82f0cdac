#include "core/drift_factors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "core/errors.h"

namespace quasar {
namespace {

/// Alternating series in long double, an independent evaluation for moderate x.
long double psi_by_series(long double x) {
  long double term = x / 2, sum = 0;
  for (int k = 2; k < 200; ++k) {
    sum += term;
    term *= -x / (k + 1);
  }
  return sum;
}

TEST(Psi, EqualsItsSeriesToTwelveDigitsWithoutCancellation) {
  for (double x : {1e-12, 1e-8, 1e-4, 0.01, 0.0999, 0.1, 0.1001, 0.5, 1.0, 3.0, 8.0})
    EXPECT_NEAR(psi(x) / static_cast<double>(psi_by_series(x)), 1.0, 1e-12) << "x = " << x;
}

TEST(Psi, IncreasesFromZeroToOne) {
  EXPECT_EQ(psi(0.0), 0.0);
  double previous = 0.0;
  for (double x = 0.01; x < 1e4; x *= 1.3) {
    EXPECT_GT(psi(x), previous);
    previous = psi(x);
  }
  EXPECT_NEAR(psi(1e6), 1.0 - 1e-6, 1e-12);
}

TEST(PsiIntegral, IsTheIntegralOfPsi) {
  for (double x : {1e-8, 0.3, 1.0, 1.9999, 2.0001, 5.0, 40.0}) {
    const int panels = 20000;  // composite Simpson
    long double sum = psi(0.0) + psi(x);
    for (int i = 1; i < panels; ++i) sum += (i % 2 ? 4.0 : 2.0) * psi(x * i / panels);
    EXPECT_NEAR(psi_integral(x) / static_cast<double>(sum * x / panels / 3.0L), 1.0, 1e-12) << "x = " << x;
  }
}

/// Mean of (1 - rho^h) over the round relative to its limit: the definition, summed term by term.
long double psi_disc_by_sum(long double decay, std::int64_t period) {
  long double sum = 0, power = 1;
  for (std::int64_t h = 0; h < period; ++h) {
    sum += 1 - power;
    power *= 1 - decay;
  }
  return sum / static_cast<long double>(period);
}

TEST(PsiDisc, IsTheMeanDispersionOverARound) {
  for (double decay : {1e-3, 0.05, 0.4, 0.9, 1.3, 1.9})
    for (std::int64_t period : {1, 2, 3, 17, 400})
      EXPECT_NEAR(psi_disc(decay, period), static_cast<double>(psi_disc_by_sum(decay, period)), 1e-12)
          << "decay " << decay << " H " << period;
}

TEST(PsiDisc, HasNoCancellationForTinyDecay) {
  const double decay = 1e-8;
  EXPECT_NEAR(psi_disc(decay, 2) / (decay / 2.0), 1.0, 1e-12);
  EXPECT_NEAR(psi_disc(decay, 101) / (50.0 * decay * (1.0 - 33.0 * decay)), 1.0, 1e-12);
}

TEST(PsiDisc, IsExactlyZeroForOneStepAndTendsToPsi) {
  EXPECT_EQ(psi_disc(0.3, 1), 0.0);
  const double beta = 0.7, lambda = 1.3;
  double previous = 1.0;
  for (std::int64_t period : {100, 1000, 10000}) {
    const double eta = beta / static_cast<double>(period);
    const double gap = std::abs(psi_disc(pair_decay(eta, lambda, lambda), period) - psi(2.0 * beta * lambda));
    EXPECT_LT(gap, 0.2 * previous);
    previous = gap;
  }
  EXPECT_LT(previous, 1e-4);
}

TEST(PairDecay, EqualsOneMinusRhoWithoutCancellation) {
  EXPECT_NEAR(pair_decay(0.1, 2.0, 3.0), 1.0 - (1.0 - 0.2) * (1.0 - 0.3), 1e-15);
  EXPECT_NEAR(pair_decay(1e-12, 1.0, 2.0) / 3e-12, 1.0, 1e-11);
}

TEST(DriftWeights, AreOneAndBetweenAndK) {
  EXPECT_EQ((DriftWeights{drift_weights::Sgd{}, 4}(1.0, 2.0)), 1.0);
  EXPECT_EQ((DriftWeights{drift_weights::Quadratic{}, 4}(1.0, 2.0)), 4.0);
  EXPECT_NEAR((DriftWeights{drift_weights::LocalSgd{0.5}, 4}(1.0, 2.0)), 1.0 + 3.0 * psi(1.5), 1e-15);
  EXPECT_NEAR((DriftWeights{drift_weights::LocalSgd{1e9}, 4}(1.0, 2.0)), 4.0, 1e-8);
}

TEST(DriftWeights, FiniteStepIsTheExactSecondMomentOfAQuadratic) {
  // one mode, S = 1: M = eta^2/(1 - rho), plus (K - 1) M psi_disc on average, relative to SGD's eta/(2 lambda)
  const double eta = 0.2, lambda = 1.7;
  const std::int64_t period = 6;
  const double rho = (1.0 - eta * lambda) * (1.0 - eta * lambda);
  double dispersion = 0.0;
  for (std::int64_t h = 0; h < period; ++h) dispersion += eta * eta * 3.0 * (1.0 - std::pow(rho, h)) / (1.0 - rho);
  const double expected = (eta * eta / (1.0 - rho) + dispersion / static_cast<double>(period)) / (eta / (2.0 * lambda));
  EXPECT_NEAR((DriftWeights{drift_weights::FiniteStep{eta, period}, 4}(lambda, lambda)), expected, 1e-12);
}

TEST(FiniteStepWeights, RefuseALearningRateAtWhichStepsBlowUp) {
  const DriftWeights plain{drift_weights::FiniteStep{0.5, 3}, 4}, heavy{drift_weights::FiniteStep{0.5, 3, 0.9}, 4};
  EXPECT_NO_THROW(plain(3.99, 0.0));
  EXPECT_THROW(plain(0.0, 4.0), UnstableStep);
  EXPECT_NO_THROW(heavy(7.59, 0.0));
  EXPECT_THROW(heavy(7.6, 0.0), UnstableStep);
}

}  // namespace
}  // namespace quasar
