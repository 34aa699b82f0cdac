#include "sde/one_dimensional.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

#include "core/errors.h"
#include "core/estimate.h"
#include "sde/newton_retraction.h"
#include "tests/sde/transition_operator.h"
#include "toy_models/circle.h"
#include "toy_models/periodic_valley.h"

namespace quasar {
namespace {

using std::numbers::pi;

// T5 with a2 = 2, b2 = 0.4, multiplier 3, phi(0) = 0.6: E cos 2 phi at slow time 0.5 by a tridiagonal Galerkin method
constexpr double kExact = -0.459586965521, kStart = 0.6, kSlowTime = 0.5;
const Circle kCircle{4.0, std::sqrt(2.0), std::sqrt(0.4)};
const ManifoldCurve<2> kCircleCurve{[](double q) { return Vec<2>(std::cos(q), std::sin(q)); },
                                    [](double q) { return Vec<2>(-std::sin(q), std::cos(q)); },
                                    [](double q) { return Vec<2>(-std::cos(q), -std::sin(q)); },
                                    [](const Vec<2>& x) { return std::atan2(x[1], x[0]); }};
const ManifoldCurve<2> kFloor{[](double q) { return Vec<2>(0, q); }, [](double) { return Vec<2>(0, 1); },
                              [](double) { return Vec<2>(0, 0); }, [](const Vec<2>& x) { return x[1]; }};
constexpr int kNodes = 64;
const SpectralGrid kCircleGrid = periodic_grid(kStart, pi, kNodes);  // cos 2 phi and the coefficients have period pi

DriftWeights times(int m) { return {drift_weights::Quadratic{}, m}; }

Eigen::VectorXd cos_2_phi() {
  return kCircleGrid.values([](double q) { return std::cos(2 * q); });
}

/// The noise without its block that mixes tangent and normal directions, and with it without the drift.
struct TangentNoiseOnly {
  Mat<2> covariance(const Vec<2>& x) const {
    const Mat<2> s = kCircle.covariance(x);
    const Vec<2> t(-x[1], x[0]);
    return t.dot(s * t) * t * t.transpose();
  }
};

TEST(BackwardEquation, GivesTheTransientOfTheCircleAndNoWrongTheoryDoes) {
  const auto at_start = [](const auto& noise, int m) {
    const auto field = coordinate_field(kCircle, noise, times(m), kCircleCurve);
    return expectation(kCircleGrid, field, cos_2_phi(), kSlowTime)(0, 0);
  };
  EXPECT_NEAR(at_start(kCircle, 3), kExact, 1e-11);
  EXPECT_GT(std::abs(at_start(kCircle, 2) - kExact), 0.1);
  EXPECT_GT(std::abs(at_start(kCircle, 4) - kExact), 0.1);
  EXPECT_GT(std::abs(at_start(TangentNoiseOnly{}, 3) - kExact), 0.5);
  // The same coefficients in Stratonovich's sense: D'/4 more drift, D' = (a2 - b2) sin 2q.
  const auto ito = coordinate_field(kCircle, kCircle, times(3), kCircleCurve);
  const auto stratonovich = [&](double q) {
    return CoordinateCoefficients{ito(q).drift + 0.25 * 1.6 * std::sin(2 * q), ito(q).diffusion};
  };
  EXPECT_GT(std::abs(expectation(kCircleGrid, stratonovich, cos_2_phi(), kSlowTime)(0, 0) - kExact), 0.03);
}

TEST(BackwardEquation, DoesNotDependOnTheParametrisation) {
  const auto stretched = [](double s) { return s + 0.2 * std::sin(2 * s); };  // q = s + sin(2s)/5
  const ManifoldCurve<2> curve{
      [&](double s) { return kCircleCurve.point(stretched(s)); },
      [&](double s) { return Vec<2>(kCircleCurve.tangent(stretched(s)) * (1 + 0.4 * std::cos(2 * s))); },
      [&](double s) {
        const double rate = 1 + 0.4 * std::cos(2 * s);
        return Vec<2>(kCircleCurve.acceleration(stretched(s)) * rate * rate -
                      kCircleCurve.tangent(stretched(s)) * 0.8 * std::sin(2 * s));
      },
      {}};
  const double start = 0.43695;  // near the solution of stretched(s) = 0.6
  const auto grid = periodic_grid(start, pi, 64);
  const auto g = grid.values([&](double s) { return std::cos(2 * stretched(s)); });
  const double there = expectation(grid, coordinate_field(kCircle, kCircle, times(3), curve), g, kSlowTime)(0, 0);
  const auto in_angle =
      expectation(kCircleGrid, coordinate_field(kCircle, kCircle, times(3), kCircleCurve), cos_2_phi(), kSlowTime);
  EXPECT_NEAR(there, kCircleGrid.interpolation(stretched(start)) * in_angle.col(0), 1e-9);
}

const auto kSlow = slow_coefficient_field(kCircle, kCircle, times(3));
const auto kPhi = [](const Vec<2>&, const Vec<2>& x) { return Projection<2>{kCircle.project(x), 0, true}; };

double error_after(int steps, const Eigen::MatrixXd& step) {
  Eigen::VectorXd u = cos_2_phi();
  for (int k = 0; k < steps; ++k) u = step * u;
  return u[0] - kExact;
}

/// Projected Euler with the sign of one fair coin along the tangent.
std::vector<StepOutcome> coin_step(double q, double dt) {
  std::vector<StepOutcome> outcomes;
  for (const double sign : {-1.0, 1.0}) {
    const Vec<2> along = sign * kCircleCurve.tangent(q);
    const auto next = Euler{}(kSlow, kPhi, kCircleCurve.point(q), dt, StepNoise<2>{along, {}});
    outcomes.push_back({0.5, kCircleCurve.coordinate(next.point)});
  }
  return outcomes;
}

TEST(ExactPropagation, HasTheDeterministicWeakErrorsOfProjectedEuler) {
  const std::vector<double> gaussian = {-.009064, -.004886, -.002549, -.001304};
  const std::vector<double> coin = {.012953, .007154, .003749, .001918};
  std::vector<double> sizes, errors, coin_errors;
  for (std::size_t i = 0; i < 4; ++i) {
    const int steps = 16 << i;
    const double dt = kSlowTime / steps;
    sizes.push_back(dt);
    errors.push_back(error_after(
        steps, transition_operator(kCircleGrid, kCircleCurve, Euler{}, kSlow, kPhi, atoms_of(NoiseLaw::gaussian), dt)));
    coin_errors.push_back(
        error_after(steps, transition_operator(kCircleGrid, [dt](double q) { return coin_step(q, dt); })));
    std::printf("%3d steps: %+.6f, coin %+.6f\n", steps, errors[i], coin_errors[i]);
    EXPECT_NEAR(errors[i], gaussian[i], 1.5e-6);
    EXPECT_NEAR(coin_errors[i], coin[i], 1.5e-6);
  }
  for (auto* all : {&sizes, &errors, &coin_errors}) all->erase(all->begin());  // 16 steps are before the asymptote
  for (const auto& these : {errors, coin_errors}) {
    EXPECT_GT(fit_order(sizes, these).slope, 0.9);
    EXPECT_LT(fit_order(sizes, these).slope, 1.05);
  }
}

// Talay-Tubaro extrapolation of the same errors: order 2
TEST(ExactPropagation, ExtrapolationIsFourTimesBetter) {
  const auto error = [](int steps) {
    return error_after(steps, transition_operator(kCircleGrid, kCircleCurve, Euler{}, kSlow, kPhi,
                                                  atoms_of(NoiseLaw::gaussian), kSlowTime / steps));
  };
  const double coarse = error(32), fine = error(64);
  EXPECT_NEAR(2 * fine - coarse, -2.1e-4, 1e-5);
  EXPECT_LT(4 * std::abs(2 * fine - coarse), std::abs(fine));
}

TEST(ExactPropagation, HasTheDeterministicWeakErrorsOfEulerInTheAngle) {
  const auto field = coordinate_field(kCircle, kCircle, times(3), kCircleCurve);
  const auto normal = atoms_of(NoiseLaw::gaussian);
  const std::vector<double> expected = {.010108, .005013, .002493, .001242};
  for (std::size_t i = 0; i < 4; ++i) {
    const int steps = 16 << i;
    const double dt = kSlowTime / steps;
    const auto step = transition_operator(kCircleGrid, [&](double q) {
      const auto [drift, diffusion] = field(q);
      std::vector<StepOutcome> outcomes;
      for (Eigen::Index a = 0; a < normal.nodes.size(); ++a)
        outcomes.push_back({normal.weights[a], q + drift * dt + std::sqrt(diffusion * dt) * normal.nodes[a]});
      return outcomes;
    });
    Eigen::VectorXd u = cos_2_phi();
    for (int k = 0; k < steps; ++k) u = step * u;
    EXPECT_NEAR(u[0] - kExact, expected[i], 1.5e-6) << steps << " steps";
  }
}

// T2: dy = -k y dt + s dW
TEST(LineGrid, SolvesTheOrnsteinUhlenbeckProcess) {
  const double k = 0.8, variance = 0.3, y0 = 0.7, t = 0.9;
  const auto grid = line_grid(0.2, 0.5, 12);
  const CoordinateField field = [&](double y) { return CoordinateCoefficients{-k * y, variance}; };
  const auto moment = [&](int power) {
    const auto g = grid.values([&](double y) { return std::pow(y, power); });
    return (grid.interpolation(y0) * expectation(grid, field, g, t))(0, 0);
  };
  const double mean = y0 * std::exp(-k * t), spread = variance * -std::expm1(-2 * k * t) / (2 * k);
  EXPECT_NEAR(moment(1), mean, 1e-10);
  EXPECT_NEAR(moment(2) - mean * mean, spread, 1e-10);
  EXPECT_NEAR(moment(4), std::pow(mean, 4) + 6 * mean * mean * spread + 3 * spread * spread, 1e-9);
}

TEST(LineGrid, PropagatesEulersSchemeExactly) {
  const double k = 0.8, variance = 0.3, y0 = 0.7, dt = 0.1;
  const auto grid = line_grid(0.2, 0.5, 8);
  for (const auto law : {NoiseLaw::gaussian, NoiseLaw::two_point, NoiseLaw::three_point}) {
    const auto rule = atoms_of(law);
    const auto step = transition_operator(grid, [&](double y) {
      std::vector<StepOutcome> outcomes;
      for (Eigen::Index a = 0; a < rule.nodes.size(); ++a)
        outcomes.push_back({rule.weights[a], y - k * dt * y + std::sqrt(variance * dt) * rule.nodes[a]});
      return outcomes;
    });
    Eigen::VectorXd mean = grid.nodes, square = grid.nodes.cwiseAbs2();
    for (int i = 0; i < 9; ++i) {
      mean = step * mean;
      square = step * square;
    }
    const double factor = std::pow(1 - k * dt, 9);
    const double spread = variance * dt * (1 - factor * factor) / (1 - std::pow(1 - k * dt, 2));
    EXPECT_NEAR(grid.interpolation(y0) * mean, y0 * factor, 1e-11);
    EXPECT_NEAR(grid.interpolation(y0) * square, y0 * y0 * factor * factor + spread, 1e-11);
  }
}

/// Largest difference of two densities, of which the second need not be normalised.
double distance(const Eigen::VectorXd& density, const Eigen::VectorXd& shape, double period) {
  return (density - shape * (static_cast<double>(shape.size()) / (period * shape.sum()))).cwiseAbs().maxCoeff();
}

TEST(StationaryDensity, IsAPowerOfTheDiffusionOnTheCircle) {
  for (const int m : {1, 2, 3, 4}) {
    const auto p = stationary_density(kCircleGrid, coordinate_field(kCircle, kCircle, times(m), kCircleCurve));
    const auto law = [](int power) {
      return kCircleGrid.values([power](double q) { return std::pow(1.2 - 0.8 * std::cos(2 * q), power); });
    };
    EXPECT_LT(distance(p, law(m - 1), pi), 1e-10) << m;
    EXPECT_GT(distance(p, law(m), pi), 0.05) << m;
    const double cosine = p.dot(cos_2_phi()) * pi / kNodes;
    const double closed_form[] = {0, 0, -0.8 / 2.4, -1.2 * 0.8 / (1.2 * 1.2 + 0.8 * 0.8 / 2)};
    if (m < 4) {
      EXPECT_NEAR(cosine, closed_form[m], 1e-11);
    }
  }
}

TEST(StationaryDensity, IsVonMisesInThePeriodicValley) {
  const PeriodicValley valley{1.0, std::sqrt(0.5)};
  const auto grid = periodic_grid(-pi, 2 * pi, 64);
  const auto cosine = grid.values([](double y) { return std::cos(y); });
  const auto law = [&](double m) { return Eigen::VectorXd((valley.concentration(m) * cosine.array()).exp()); };
  for (const int m : {1, 4}) {
    const auto p = stationary_density(grid, coordinate_field(valley, valley, times(m), kFloor));
    EXPECT_LT(distance(p, law(m), 2 * pi), 1e-10);
    EXPECT_GT(distance(p, law(m == 1 ? 2 : 3), 2 * pi), 0.02);
    EXPECT_NEAR(p.dot(cosine) * 2 * pi / 64, valley.mean_cosine(m), 1e-10);
    EXPECT_NEAR(p.dot(cosine) * 2 * pi / 64, m == 1 ? .446390 : .863523, 1e-6);
  }
  // H = beta/eta: p ~ exp(-(sx2/2 sy2) integral of m(2 beta e^(-cos y)) sin y); with c = cos y the integral is over c
  const DriftWeights weights{drift_weights::LocalSgd{0.7}, 4};
  const auto p = stationary_density(grid, coordinate_field(valley, valley, weights, kFloor));
  const auto multiplier = [&](double c) { return weights(std::exp(-c), std::exp(-c)); };
  const auto shape = grid.values([&](double y) {
    constexpr int kParts = 2000;
    double sum = 0.0;
    for (int i = 0; i < kParts; ++i) sum += multiplier(-1 + (i + 0.5) * (1 + std::cos(y)) / kParts);
    return std::exp(valley.concentration(1) * sum * (1 + std::cos(y)) / kParts);
  });
  EXPECT_LT(distance(p, shape, 2 * pi), 1e-6);
}

TEST(StationaryDensity, IsTheLimitOfTheTransient) {
  const PeriodicValley valley{1.0, std::sqrt(0.5)};
  const auto grid = periodic_grid(-pi, 2 * pi, 32);
  const auto cosine = grid.values([](double y) { return std::cos(y); });
  const auto late = expectation(grid, coordinate_field(valley, valley, times(1), kFloor), cosine, 100.0);
  EXPECT_NEAR(late(0, 0), valley.mean_cosine(1), 1e-9);
  EXPECT_NEAR(late(17, 0), valley.mean_cosine(1), 1e-9);
}

// cos 2 phi decays at the rate 2 s2 under Brownian motion of variance s2 on the circle
TEST(RelaxationTime, IsThatOfBrownianMotionOnTheCircle) {
  const Circle isotropic{4.0, 0.7, 0.7};
  const auto field = coordinate_field(isotropic, isotropic, times(4), kCircleCurve);
  EXPECT_NEAR(relaxation_time(kCircleGrid, field), 1 / (2 * 0.49), 1e-9);
  EXPECT_NEAR(relaxation_time(periodic_grid(0, 2 * pi, 64), field), 2 / 0.49, 1e-9);
  const CoordinateField still = [](double) { return CoordinateCoefficients{0, 0}; };
  EXPECT_THROW(relaxation_time(kCircleGrid, still), NumericalError);
}

TEST(OneDimensional, SaysWhatItCannotSolve) {
  EXPECT_THROW(periodic_grid(0, 1, 7), ConfigError);
  EXPECT_THROW(periodic_grid(0, 0, 8), ConfigError);
  EXPECT_THROW(line_grid(0, -1, 8), ConfigError);
  EXPECT_THROW(line_grid(0, 1, 100), ConfigError);
  const CoordinateField still = [](double) { return CoordinateCoefficients{1, 0}; };
  EXPECT_THROW(stationary_density(kCircleGrid, still), NumericalError);
  const CoordinateField sharp = [](double q) { return CoordinateCoefficients{-500 * std::sin(2 * q), 0.01}; };
  EXPECT_THROW(stationary_density(kCircleGrid, sharp), NumericalError);
}

}  // namespace
}  // namespace quasar
