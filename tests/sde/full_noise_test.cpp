#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

#include "core/estimate.h"
#include "sde/limiting_diffusion.h"
#include "toy_models/circle.h"

namespace quasar {
namespace {

// T5: E cos 2 phi at slow time 0.5 from phi = 0.6, in the basis cos 2k phi, which every operator here keeps.
constexpr double kA = 1.2, kC = 0.8, kStart = 0.6, kSlowTime = 0.5;
constexpr int kModes = 40;
const Circle kCircle{4.0, std::sqrt(kA + kC), std::sqrt(kA - kC)};

double evaluate(const Eigen::VectorXd& coefficients, double phi) {
  double sum = 0;
  for (int k = 0; k < kModes; ++k) sum += coefficients[k] * std::cos(2 * k * phi);
  return sum;
}

/// By Galerkin's method for dphi = (m/2) D' dt + sqrt(D) dW, D = A - C cos 2 phi.
double slow_sde(double m) {
  Eigen::MatrixXd generator = Eigen::MatrixXd::Zero(kModes, kModes);
  for (int k = 0; k < kModes; ++k) {
    generator(k, k) -= 2 * kA * k * k;
    generator(std::abs(k - 1), k) += kC * k * (k - m);
    if (k + 1 < kModes) generator(k + 1, k) += kC * k * (k + m);
  }
  Eigen::VectorXd u = Eigen::VectorXd::Unit(kModes, 1);
  constexpr int kSteps = 4000;
  const double dt = kSlowTime / kSteps;
  for (int i = 0; i < kSteps; ++i) {
    const Eigen::VectorXd g1 = generator * u, g2 = generator * (u + dt / 2 * g1), g3 = generator * (u + dt / 2 * g2);
    u += dt / 6 * (g1 + 2 * g2 + 2 * g3 + generator * (u + dt * g3));
  }
  return evaluate(u, kStart);
}

/// By Euler's scheme on the full noise with two-point increments, all four outcomes of every step: no sampling.
template <class Retract>
double euler(const Retract& retraction, int steps) {
  const auto field = full_noise_field<2>(kCircle);
  const auto node = [](int j) { return (j + 0.5) * std::numbers::pi / (2 * kModes); };
  Eigen::MatrixXd values(kModes, kModes), next = Eigen::MatrixXd::Zero(kModes, kModes);
  for (int j = 0; j < kModes; ++j)
    for (int k = 0; k < kModes; ++k) {
      values(j, k) = std::cos(2 * k * node(j));
      for (const double x : {-1.0, 1.0})
        for (const double y : {-1.0, 1.0}) {
          const StepNoise<2> noise{Vec<2>(x, y), {}};
          const Vec<2> zeta(std::cos(node(j)), std::sin(node(j)));
          const auto stepped = Euler{}(field, retraction, zeta, kSlowTime / steps, noise);
          next(j, k) += 0.25 * std::cos(2 * k * std::atan2(stepped.point[1], stepped.point[0]));
        }
    }
  const Eigen::MatrixXd transition = values.partialPivLu().solve(next);
  Eigen::VectorXd u = Eigen::VectorXd::Unit(kModes, 1);
  for (int i = 0; i < steps; ++i) u = transition * u;
  return evaluate(u, kStart);
}

template <class Retract>
LineFit order_towards(double limit, const Retract& retraction) {
  std::vector<double> step_sizes, errors;
  for (const int steps : {32, 64, 128, 256}) {
    step_sizes.push_back(kSlowTime / steps);
    errors.push_back(euler(retraction, steps) - limit);
    std::printf("%4d steps: %.6f, off by %+.6f\n", steps, limit + errors.back(), errors.back());
  }
  return fit_order(step_sizes, errors);
}

TEST(FullNoise, WithPhiAsTheRetractionIsTheSlowSdeOfSgdAtWeakOrderOne) {
  EXPECT_NEAR(slow_sde(3), -0.459586965521, 1e-10);  // from an independent program, for QSR's drift with K = 3
  const auto phi = [](const Vec<2>&, const Vec<2>& x) { return Projection<2>{kCircle.project(x), 0, true}; };
  EXPECT_NEAR(order_towards(slow_sde(1), phi).slope, 1.0, 0.1);
}

// The orthographic retraction keeps the displacement along the tangent, so what the noise across does to it is lost: the
// whole drift, which on the circle is all in the mixed block. It is of second order, and right for tangent noise.
TEST(FullNoise, WithAnotherRetractionLosesTheDrift) {
  const auto orthographic = [](const Vec<2>& base, const Vec<2>& x) {
    const Vec<2> tangent(-base[1], base[0]);
    const double along = tangent.dot(x);
    return Projection<2>{Vec<2>(along * tangent + std::sqrt(1 - along * along) * base), 0, true};
  };
  EXPECT_NEAR(order_towards(slow_sde(0), orthographic).slope, 1.0, 0.1);
  EXPECT_GT(std::abs(slow_sde(0) - slow_sde(1)), 0.1);
  EXPECT_GT(std::abs(euler(orthographic, 256) - slow_sde(1)), 0.1);
}

// A displacement by the angle v that ends at v - v^2 sin(2 phi)/2 is a retraction of first order only.
TEST(FullNoise, WithARetractionOfFirstOrderHasTheWrongLimit) {
  const auto first_order = [](const Vec<2>& base, const Vec<2>& x) {
    const double phi = std::atan2(base[1], base[0]);
    const double v = std::remainder(std::atan2(x[1], x[0]) - phi, 2 * std::numbers::pi);
    const double moved = phi + v - v * v * std::sin(2 * phi) / 2;
    return Projection<2>{Vec<2>(std::cos(moved), std::sin(moved)), 0, true};
  };
  EXPECT_LT(std::abs(order_towards(slow_sde(1), first_order).slope), 0.5);
  EXPECT_GT(std::abs(euler(first_order, 256) - slow_sde(1)), 0.1);
}

}  // namespace
}  // namespace quasar
