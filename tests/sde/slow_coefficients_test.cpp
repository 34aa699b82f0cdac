#include "sde/slow_coefficients.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "toy_models/circle.h"
#include "toy_models/hyperbola.h"
#include "toy_models/valley.h"

namespace quasar {
namespace {

/// The regimes of the Slow SDEs with K = 4, each with its multiplier m as a function of l_i + l_j.
struct Regime {
  const char* name;
  DriftWeights weights;
  double multiplier(double sum_of_eigenvalues) const { return weights(sum_of_eigenvalues, 0.0); }
};
const std::vector<Regime> kRegimes = {{"sgd", {drift_weights::Sgd{}, 4}},
                                      {"inverse", {drift_weights::LocalSgd{0.7}, 4}},
                                      {"qsr", {drift_weights::Quadratic{}, 4}}};

// T1 of the theory: dy = -(s2/4) m(2 beta e^y) dt
TEST(SlowCoefficients, OnTheValleyAreTheClosedForm) {
  const Valley valley{1.3};
  for (const auto& regime : kRegimes)
    for (const double y : {-1.0, 0.0, 0.8}) {
      const auto slow = slow_coefficients(valley, valley.covariance(Vec<2>(0, y)), Vec<2>(0, y), regime.weights);
      const double expected = -1.69 / 4.0 * regime.multiplier(2.0 * std::exp(y));
      EXPECT_NEAR(slow.drift[1], expected, 1e-10) << regime.name;
      EXPECT_NEAR(slow.drift[0], 0.0, 1e-12);
      EXPECT_NEAR(slow.diffusion.norm(), 0.0, 1e-7);
    }
}

// T5: dphi = (m(beta lambda)/2) D' dt + sqrt(D) dW with D = a2 sin^2 + b2 cos^2; the drift is all in the mixed block
TEST(SlowCoefficients, OnTheCircleAreTheClosedForm) {
  const Circle circle{4.0, std::sqrt(2.0), std::sqrt(0.4)};
  for (const auto& regime : kRegimes)
    for (const double phi : {0.1, 0.6, 2.0, 4.0}) {
      const Vec<2> zeta(std::cos(phi), std::sin(phi)), tangent(-std::sin(phi), std::cos(phi));
      const auto slow = slow_coefficients(circle, circle.covariance(zeta), zeta, regime.weights);
      const double d = 2.0 * std::pow(std::sin(phi), 2) + 0.4 * std::pow(std::cos(phi), 2);
      const double d_prime = (2.0 - 0.4) * std::sin(2.0 * phi);
      EXPECT_NEAR(slow.drift.dot(tangent), 0.5 * regime.multiplier(4.0) * d_prime, 1e-10) << regime.name;
      EXPECT_NEAR(slow.drift.dot(zeta), 0.0, 1e-10);
      EXPECT_NEAR((slow.diffusion * tangent).norm(), std::sqrt(d), 1e-10);
      EXPECT_NEAR((slow.diffusion * zeta).norm(), 0.0, 1e-7);
    }
}

// T7: ds = -(s2/2) tanh(2s) m(2 beta 2 cosh 2s) dt along (e^s, e^-s), no diffusion
TEST(SlowCoefficients, OnTheHyperbolaAreTheClosedForm) {
  const Hyperbola hyperbola{0.9};
  for (const auto& regime : kRegimes)
    for (const double s : {-0.5, 0.2, 1.0}) {
      const Vec<2> zeta(std::exp(s), std::exp(-s));
      const auto slow = slow_coefficients(hyperbola, hyperbola.covariance(zeta), zeta, regime.weights);
      const double speed = -0.5 * 0.81 * std::tanh(2 * s) * regime.multiplier(4.0 * std::cosh(2 * s));
      EXPECT_NEAR((slow.drift - speed * Vec<2>(zeta[0], -zeta[1])).norm(), 0.0, 1e-10) << regime.name;
      EXPECT_NEAR(slow.diffusion.norm(), 0.0, 1e-7);
    }
}

/// A saddle: no minimiser has a negative Hessian eigenvalue.
struct Saddle {
  static constexpr int dim = 2;
  double value(const Vec<2>& x) const { return x[0] * x[0] - x[1] * x[1]; }
  Vec<2> gradient(const Vec<2>& x) const { return {2 * x[0], -2 * x[1]}; }
  Mat<2> hessian(const Vec<2>&) const { return Vec<2>(2, -2).asDiagonal(); }
  Vec<2> third_derivative(const Vec<2>&, const Mat<2>&) const { return Vec<2>::Zero(); }
};

TEST(SlowCoefficients, RefuseAPointThatIsNoMinimiser) {
  EXPECT_THROW(slow_coefficients(Saddle{}, Mat<2>::Identity(), Vec<2>(0, 0), kRegimes[0].weights), NumericalError);
}

}  // namespace
}  // namespace quasar
