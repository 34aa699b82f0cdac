#include "sde/label_noise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <vector>

#include "sde/newton_retraction.h"
#include "sde/slow_coefficients.h"
#include "tests/sde/quadratic_constraints.h"
#include "toy_models/hyperbola.h"

namespace quasar {
namespace {

constexpr LabelNoise kNoise{0.8, 2.0};  // delta^2/B = 0.32
constexpr double kEta = 0.05, kRoundTime = 0.7;
constexpr int kWorkers = 4;

struct Case {
  const char* name;
  DriftWeights weights;
};
const std::vector<Case> kCases = {{"sgd", {drift_weights::Sgd{}, kWorkers}},
                                  {"inverse", {drift_weights::LocalSgd{kRoundTime}, kWorkers}},
                                  {"qsr", {drift_weights::Quadratic{}, kWorkers}},
                                  {"one step", {drift_weights::FiniteStep{kEta, 1}, kWorkers}},
                                  {"finite", {drift_weights::FiniteStep{kEta, 14}, kWorkers}}};

template <Loss L>
Vec<L::dim> reach(const L& loss, const Vec<L::dim>& base, const Vec<L::dim>& x) {
  const auto reached = project_by_newton(loss, base, x, {1e-15, 1e-6, 8});
  EXPECT_LT(loss.gradient(reached.point).norm(), 1e-12);
  return reached.point;
}

/// Gradient along the manifold of a function of the Hessian's eigenvalues there, by differences of fourth order.
template <Loss L>
Vec<L::dim> gradient_along(const L& loss, const Vec<L::dim>& zeta,
                           const std::function<double(const Eigen::VectorXd&)>& potential) {
  constexpr double kStep = 4e-3;
  const auto modes = hessian_modes(loss, zeta, 1e-6);
  Vec<L::dim> gradient = Vec<L::dim>::Zero();
  for (Eigen::Index i = 0; i < modes.tangent_dim; ++i) {
    const Vec<L::dim> tangent = modes.vectors.col(i);
    const auto at = [&](double h) {
      return potential(hessian_modes(loss, reach(loss, zeta, Vec<L::dim>(zeta + h * kStep * tangent)), 1e-6).lambda);
    };
    gradient += (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * kStep) * tangent;
  }
  return gradient;
}

template <Loss L>
void expect_gradient_flow(const L& loss, const Vec<L::dim>& zeta) {
  const LabelNoiseOn<L> noise{loss, kNoise};
  for (const auto& [name, weights] : kCases) {
    const auto slow = slow_coefficients(loss, noise.covariance(zeta), zeta, weights);
    const auto potential = [&](const Eigen::VectorXd& l) { return label_noise_potential(l, kNoise, weights); };
    const double error = (slow.drift + gradient_along(loss, zeta, potential)).norm();
    std::printf("%-9s drift %.5f, |drift + gradient| %.1e\n", name, slow.drift.norm(), error);
    EXPECT_LT(error, 1e-8) << name;
    EXPECT_LT(slow.diffusion.norm(), 1e-7) << name;
    // not the weight times the trace: the weight's own change along the manifold would count as drift
    const auto weighted_trace = [&](const Eigen::VectorXd& l) {
      double sum = 0;
      for (const double x : l) sum += x > 0 ? 0.25 * kNoise.strength() * weights(x, x) * x : 0;
      return sum;
    };
    const double wrong = (slow.drift + gradient_along(loss, zeta, weighted_trace)).norm();
    const bool constant_weight = weights(0.5, 0.5) == weights(5.0, 5.0);
    if (!constant_weight) {
      EXPECT_GT(wrong, 1e-3 * slow.drift.norm()) << name;
    }
  }
}

TEST(LabelNoiseDescends, TheTraceAndItsFiniteRoundFormsOnTheHyperbola) {
  const Vec<2> zeta(std::exp(0.4), std::exp(-0.4));
  expect_gradient_flow(Hyperbola{}, zeta);
  const Hyperbola as_published{std::sqrt(kNoise.strength())};
  EXPECT_LT((LabelNoiseOn<Hyperbola>{{}, kNoise}.covariance(zeta) - as_published.covariance(zeta)).norm(), 1e-15);
}

TEST(LabelNoiseDescends, TheTraceAndItsFiniteRoundFormsInCodimensionTwo) {
  const auto loss = two_constraints_in_four_dimensions();
  const Vec<4> start(0.3, 0.1, -0.2, 0.4);
  expect_gradient_flow(loss, reach(loss, start, start));
}

TEST(LabelNoisePotential, IsThePublishedFormInEveryRegime) {
  const Eigen::Vector3d lambda(0.0, 0.6, 2.5);
  const auto value = [&](const DriftWeights& weights) { return label_noise_potential(lambda, kNoise, weights) / 0.08; };
  EXPECT_NEAR(value(kCases[0].weights), 3.1, 1e-14);
  EXPECT_NEAR(value(kCases[2].weights), 12.4, 1e-13);
  const double extra = (psi_integral(1.4 * 0.6) + psi_integral(1.4 * 2.5)) / 1.4;
  EXPECT_NEAR(value(kCases[1].weights), 3.1 + 3 * extra, 1e-13);
  // Damian, Ma, Lee 2021: -(1/(2 eta)) tr log(1 - (eta/2) H), in units of a quarter of the strength
  EXPECT_NEAR(value(kCases[3].weights), -2 / kEta * (std::log(1 - 0.6 * kEta / 2) + std::log(1 - 2.5 * kEta / 2)),
              1e-10);
  const DriftWeights nearly_continuous{drift_weights::FiniteStep{1e-5, 70000}, kWorkers};
  EXPECT_NEAR(value(nearly_continuous), value(kCases[1].weights), 1e-4);
  EXPECT_GT(std::abs(value(kCases[4].weights) - value(kCases[1].weights)), 0.05);  // psi in place of psi_disc
}

}  // namespace
}  // namespace quasar
