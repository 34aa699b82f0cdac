#include "sde/closed_form_paths.h"

#include <cmath>
#include <complex>
#include <numbers>

#include <gtest/gtest.h>

#include "sde/closed_form_sdes.h"
#include "sde/schemes.h"
#include "toy_models/circle.h"
#include "toy_models/sphere.h"

namespace quasar {
namespace {

constexpr double kVarianceX = 2.0, kVarianceY = 0.4;
const Circle kCircle{.stiffness = 4.0, .noise_scale_x = std::sqrt(kVarianceX), .noise_scale_y = std::sqrt(kVarianceY)};

CircleSlowSde circle_sde(double multiplier) { return {kVarianceX, kVarianceY, multiplier}; }

Vec<2> on_circle(double angle) { return {std::cos(angle), std::sin(angle)}; }

/// The retraction of both landscapes, which is their Phi.
const auto kNormalise = []<int Dim>(const Vec<Dim>&, const Vec<Dim>& x) {
  return Projection<Dim>{x.normalized(), 0, true};
};

/// One step of one path.
template <class System>
Vec<System::dim> stepped(const System& system, const Vec<System::dim>& zeta, const Vec<System::noise_dim>& noise,
                         double dt) {
  double z[System::dim][1], xi[System::noise_dim][1];
  for (int i = 0; i < System::dim; ++i) z[i][0] = zeta[i];
  for (int i = 0; i < System::noise_dim; ++i) xi[i][0] = noise[i];
  system.step(z, xi, dt, std::sqrt(dt));
  return Eigen::Map<const Vec<System::dim>>(&z[0][0]);
}

TEST(ClosedFormSdes, AStepOnTheCircleIsThatOfTheGeneralCoefficients) {
  constexpr double kStep = 0.02, kMultiplier = 3.0;
  const DriftWeights weights{drift_weights::Quadratic{}, 3};
  const auto retract = [](const Vec<2>& base, const Vec<2>& x) { return kNormalise(base, x); };
  for (const double angle : {-2.0, 0.1, 0.6, 1.5})
    for (const double xi : {-1.3, 0.4}) {
      const Vec<2> zeta = on_circle(angle), tangent(-zeta[1], zeta[0]);
      StepNoise<2> noise{xi * tangent, Mat<2>::Zero()};
      const Vec<2> expected =
          Euler{}(slow_coefficient_field(kCircle, kCircle, weights), retract, zeta, kStep, noise).point;
      const Vec<2> got = stepped(circle_sde(kMultiplier), zeta, Vec<1>(xi), kStep);
      EXPECT_LT((got - expected).norm(), 1e-14) << angle;
      const Vec<2> wrong = stepped(circle_sde(kMultiplier - 1.0), zeta, Vec<1>(xi), kStep);  // K - 1 for K
      EXPECT_GT((wrong - expected).norm(), 1e-4) << angle;
    }
}

TEST(ClosedFormSdes, AStepOnTheSphereIsThatOfTheGeneralCoefficients) {
  constexpr double kStep = 0.02;
  const Sphere<5> sphere{.stiffness = 4.0, .noise_scale = 0.7};
  const auto retract = [](const Vec<5>& base, const Vec<5>& x) { return kNormalise(base, x); };
  const Vec<5> zeta = Vec<5>(0.3, -0.8, 0.2, 0.1, 0.4).normalized(), xi(0.2, -1.1, 0.5, 2.0, -0.3);
  const StepNoise<5> noise{xi, Mat<5>::Zero()};
  const DriftWeights weights{drift_weights::Sgd{}, 4};
  const Vec<5> got = stepped(SphereSlowSde<5>{.noise_scale = 0.7}, zeta, xi, kStep);
  const Vec<5> expected = Euler{}(slow_coefficient_field(sphere, sphere, weights), retract, zeta, kStep, noise).point;
  // The general code takes the root of the normal eigenvalue too, which is 0 to rounding.
  EXPECT_LT((got - expected).norm(), 1e-9);
}

template <class Real>
ClosedFormPaths<CircleSlowSde, Real> circle_paths(ClosedFormPathOptions options) {
  return {circle_sde(3.0), options, on_circle(0.6)};
}

/// E cos 2 phi after some steps of circle_sde(3) from phi = 0.6 to slow time 0.5, without sampling: u <- E u(next phi) on
/// 32 points, interpolated by its Fourier series in 2 phi.
double exact_mean(std::int64_t steps, NoiseLaw law) {
  constexpr int kPoints = 32;
  using Complex = std::complex<double>;
  const double dt = 0.5 / static_cast<double>(steps);
  std::vector<std::pair<double, double>> values = {{1.0, 0.5}, {-1.0, 0.5}};  // of the noise, with their probabilities
  if (law == NoiseLaw::gaussian) {
    values.clear();
    for (double xi = -8.0; xi <= 8.0; xi += 0.25)
      values.emplace_back(xi, 0.25 * std::exp(-0.5 * xi * xi) / std::sqrt(2.0 * std::numbers::pi));
  }
  const auto next = [&](double phi, double xi) {
    const Vec<2> z = stepped(circle_sde(3.0), on_circle(phi), Vec<1>(xi), dt);
    return std::atan2(z[1], z[0]);
  };
  std::vector<Complex> series(kPoints / 2);  // u = Re sum_k c_k e^(2 i k phi)
  series[1] = 1.0;
  const auto u = [&](double phi) {
    const Complex factor = std::polar(1.0, 2.0 * phi);
    Complex sum = 0.0;
    for (auto c = series.rbegin(); c != series.rend(); ++c) sum = sum * factor + *c;
    return sum.real();
  };
  const auto expectation = [&](double phi) {
    double mean = 0.0;
    for (const auto& [xi, probability] : values) mean += probability * u(next(phi, xi));
    return mean;
  };
  for (std::int64_t step = 1; step < steps; ++step) {
    std::vector<Complex> fitted(series.size());
    for (int j = 0; j < kPoints; ++j) {
      const double phi = std::numbers::pi * j / kPoints, value = expectation(phi) / kPoints;
      for (std::size_t k = 0; k < fitted.size(); ++k)
        fitted[k] += (k == 0 ? 1.0 : 2.0) * value * std::polar(1.0, -2.0 * static_cast<double>(k) * phi);
    }
    series = fitted;
  }
  return expectation(0.6);
}

TEST(ClosedFormWeakError, ExactPropagationGivesTheErrorsOfAnIndependentProgram) {
  EXPECT_NEAR(exact_mean(16, NoiseLaw::gaussian) + 0.459586965521, -0.009064, 1e-6);
  EXPECT_NEAR(exact_mean(64, NoiseLaw::gaussian) + 0.459586965521, -0.002549, 1e-6);
}

TEST(ClosedFormPaths, HaveTheWeakErrorOfTheScheme) {
  for (const std::int64_t steps : {16, 64})
    for (const NoiseLaw law : {NoiseLaw::gaussian, NoiseLaw::two_point}) {
      auto paths = circle_paths<float>(
          {.time_step = 0.5 / static_cast<double>(steps), .paths = 1 << 20, .seed = 5, .threads = 2, .noise_law = law});
      paths.advance(steps);
      const RunningMoments moments = paths.measure([](const Vec<2>& z) { return z[0] * z[0] - z[1] * z[1]; });
      const double expected = exact_mean(steps, law), error = moments.estimate().standard_error;
      EXPECT_NEAR(moments.mean(), expected, 4.0 * error) << steps << " steps, s.e. " << error;
      if (steps == 16) {
        EXPECT_GT(std::abs(expected + 0.459586965521), 8.0 * error) << "the limit would pass too";
      }
    }
}

TEST(ClosedFormPaths, SphereOverlapDecaysAsBrownianMotions) {
  constexpr double kTime = 0.5;
  for (const std::int64_t steps : {64, 128}) {
    ClosedFormPaths<SphereSlowSde<10>> paths({}, {.time_step = kTime / static_cast<double>(steps), .paths = 1 << 16},
                                             Vec<10>::Unit(0));
    paths.advance(steps);
    const RunningMoments overlap = paths.measure([](const Vec<10>& z) { return z[0]; });
    // One step shrinks the mean by E (1 + dt chi2_9)^(-1/2): the tangent noise has 9 dimensions.
    const double dt = kTime / static_cast<double>(steps);
    double shrink = 0.0, weight = 0.0;
    for (double u = 1e-3; u < 80.0; u += 1e-3) {
      const double density = std::pow(u, 3.5) * std::exp(-0.5 * u);
      shrink += density / std::sqrt(1.0 + dt * u);
      weight += density;
    }
    const double expected = std::pow(shrink / weight, static_cast<double>(steps));
    EXPECT_NEAR(overlap.mean(), expected, 4.0 * overlap.estimate().standard_error)
        << "s.e. " << overlap.estimate().standard_error;
    EXPECT_GT(std::abs(std::exp(-0.5 * 10 * kTime) - expected), 8.0 * overlap.estimate().standard_error)
        << "d for d - 1";
  }
}

TEST(ClosedFormPaths, DependOnTheSeedAlone) {
  const auto run = [](InstructionSet set, int threads, std::vector<std::int64_t> calls, std::int64_t count,
                      NoiseLaw law) {
    auto paths = circle_paths<float>(
        {.time_step = 0.01, .paths = count, .seed = 3, .threads = threads, .noise_law = law, .instruction_set = set});
    for (const std::int64_t steps : calls) paths.advance(steps);
    std::vector<double> result;
    for (std::int64_t path = 0; path < 100; ++path) result.push_back(paths.point(path)[1]);
    return result;
  };
  for (const NoiseLaw law : {NoiseLaw::gaussian, NoiseLaw::two_point}) {
    const auto reference = run(InstructionSet::baseline, 1, {300}, 100, law);
    EXPECT_EQ(run(InstructionSet::baseline, 2, {1, 6, 128, 165}, 1000, law), reference);
    for (const auto set : {InstructionSet::x86_64_v3, InstructionSet::x86_64_v4})
      if (set <= best_instruction_set()) {
        EXPECT_EQ(run(set, 2, {7, 293}, 300, law), reference) << name_of(set);
      }
  }
}

/// The noise of a step on the sphere by its name: so many draws are for as many steps as use them up.
template <int Dim>
Vec<Dim> named_noise(NoiseLaw law, std::uint32_t path, std::uint64_t step) {
  const bool normal = law == NoiseLaw::gaussian;
  const std::uint64_t numbers_of_draw = normal ? 4 : 128, steps_of_draws = numbers_of_draw / (Dim == 3 ? 1 : 2);
  return Vec<Dim>::NullaryExpr([&](Eigen::Index i) {
    const std::uint64_t number = step % steps_of_draws * Dim + static_cast<std::uint64_t>(i);
    const Draw draw{5, Use::closed_form_paths, path, step / steps_of_draws,
                    static_cast<std::uint32_t>(number / numbers_of_draw)};
    const std::uint64_t at = number % numbers_of_draw;
    if (!normal) return (words(draw).w[at / 32] >> at % 32 & 1u) != 0 ? 1.0 : -1.0;
    float z[4];
    normals(draw, z);
    return static_cast<double>(z[at]);
  });
}

template <int Dim>
void expect_the_named_noise(NoiseLaw law, const std::vector<std::int64_t>& calls) {
  static_assert(Dim == 3 || Dim == 10, "3 shares no factor with the numbers of a draw, 10 shares 2");
  const SphereSlowSde<Dim> sphere;
  ClosedFormPaths<SphereSlowSde<Dim>, double> paths(
      sphere, {.time_step = 0.01, .paths = 66, .seed = 5, .noise_law = law}, Vec<Dim>::Unit(0));
  for (const std::int64_t steps : calls) paths.advance(steps);
  for (const std::uint32_t path : {0u, 1u, 65u}) {
    Vec<Dim> zeta = Vec<Dim>::Unit(0);
    for (std::uint64_t step = 0; step < 135; ++step)
      zeta = stepped(sphere, zeta, named_noise<Dim>(law, path, step), 0.01);
    EXPECT_LT((paths.point(path) - zeta).norm(), 1e-13) << path;
  }
}

TEST(ClosedFormPaths, UseUpTheirDrawsByTheirNamesHoweverTheStepsAreSplit) {
  for (const NoiseLaw law : {NoiseLaw::gaussian, NoiseLaw::two_point})
    for (const std::vector<std::int64_t>& calls : {std::vector<std::int64_t>{135}, {1, 6, 3, 1, 118, 6}}) {
      expect_the_named_noise<3>(law, calls);
      expect_the_named_noise<10>(law, calls);
    }
}

TEST(ClosedFormPaths, StayOnTheManifoldInFloat) {
  auto paths = circle_paths<float>({.time_step = 0.01, .paths = 256});
  paths.advance(5000);
  for (std::int64_t path = 0; path < 256; ++path) EXPECT_NEAR(paths.point(path).norm(), 1.0, 3e-7);
}

}  // namespace
}  // namespace quasar
