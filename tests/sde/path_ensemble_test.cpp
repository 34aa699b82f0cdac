#include "sde/path_ensemble.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "tests/sde/exact_propagation.h"
#include "toy_models/circle.h"
#include "toy_models/valley.h"

namespace quasar {
namespace {

const Circle kCircle{4.0, 1.4, 0.6};

PathEnsemble<Circle, Circle> ensemble_of(std::int64_t paths, int threads, PathScheme scheme = PathScheme::euler) {
  const PathOptions options{0.01, paths, 42, threads, {}, NoiseLaw::gaussian, scheme};
  return {kCircle, kCircle, kWeights, options, Vec<2>(0.8, 0.6)};
}

bool same_positions(const PathState<2>& a, const PathState<2>& b, std::size_t paths) {
  for (std::size_t i = 0; i < paths; ++i)
    if (a.positions[i] != b.positions[i]) return false;
  return true;
}

TEST(PathEnsemble, ResumingFromAStateChangesNothing) {
  for (const auto scheme : {PathScheme::euler, PathScheme::talay_tubaro}) {
    auto straight = ensemble_of(150, 1, scheme);
    straight.advance(12);
    auto first = ensemble_of(150, 1, scheme);
    first.advance(5);
    const PathState<2> saved = first.state();
    auto second = ensemble_of(150, 1, scheme);
    second.restore(saved);
    second.advance(7);
    EXPECT_EQ(second.state().step, 12);
    EXPECT_TRUE(same_positions(straight.state(), second.state(), 150));
    EXPECT_EQ(straight.state().coarse, second.state().coarse);
  }
}

TEST(PathEnsemble, MeanAgreesWithTheExactPropagationOfItsScheme) {
  const Circle circle{4.0, std::sqrt(2.0), std::sqrt(0.4)};
  const Curve curve = Curve::of("circle", circle, 1, 1);
  constexpr int kSteps = 16;
  const PathOptions options{kSlowTime / kSteps, 6000, 7, 2};
  PathEnsemble<Circle, Circle> ensemble(circle, circle, kWeights, options, curve.point(kStart));
  ensemble.advance(kSteps);
  const Estimate mean = ensemble.measure([](const Vec<2>& x) { return x[0] * x[0] - x[1] * x[1]; }).estimate();
  const auto& phi = curve.retractions[0].second;
  EXPECT_EQ(ensemble.paths_that_left(), 0);
  EXPECT_NEAR(mean.mean, expectation(curve, Euler{}, curve.slow, phi, atoms_of(NoiseLaw::gaussian), kSteps)(0, 0),
              4.0 * mean.standard_error);
  EXPECT_LT(mean.standard_error, 0.01);  // the multipliers 2 and 4 differ from 3 by more than 0.1
}

TEST(PathEnsemble, PathsDoNotDependOnThreadsNorOnEachOther) {
  auto one = ensemble_of(200, 1), three = ensemble_of(200, 3), fewer = ensemble_of(70, 2);
  one.advance(6);
  three.advance(6);
  fewer.advance(6);
  EXPECT_TRUE(same_positions(one.state(), three.state(), 200));
  EXPECT_TRUE(same_positions(one.state(), fewer.state(), 70));
}

TEST(PathEnsemble, EverySchemeRetractionAndNoiseLawHasTheSameMean) {
  const auto mean = [](PathScheme scheme, PathRetraction retraction, NoiseLaw law) {
    PathOptions options{0.02, 1000, 42, 2, {}, law, scheme, retraction};
    PathEnsemble<Circle, Circle> ensemble(kCircle, kCircle, kWeights, options, Vec<2>(0.8, 0.6));
    ensemble.advance(10);
    return ensemble.measure([](const Vec<2>& x) { return x[0] * x[0] - x[1] * x[1]; }).estimate();
  };
  const Estimate reference = mean(PathScheme::platen, PathRetraction::newton, NoiseLaw::three_point);
  for (const Estimate& other : {mean(PathScheme::euler, PathRetraction::gradient_flow, NoiseLaw::gaussian),
                                mean(PathScheme::euler, PathRetraction::newton, NoiseLaw::two_point),
                                mean(PathScheme::platen, PathRetraction::gradient_flow, NoiseLaw::gaussian),
                                mean(PathScheme::talay_tubaro, PathRetraction::orthographic, NoiseLaw::three_point)})
    // 0.02: Euler's bias, time step times slow time times a rate of order 5
    EXPECT_NEAR(other.mean, reference.mean, 4.0 * std::hypot(other.standard_error, reference.standard_error) + 0.02);
}

TEST(PathEnsemble, PathsStayOnTheManifold) {
  auto ensemble = ensemble_of(100, 2);
  ensemble.advance(20);
  for (const auto& zeta : ensemble.state().positions) EXPECT_NEAR(zeta.norm(), 1.0, 1e-9);
}

TEST(PathEnsemble, TalayTubaroHasTheMeanOfItsExactPropagationAndTheErrorOfThePairs) {
  const Curve curve = Curve::of("circle", kCircle, 1, 1);
  const auto law = NoiseLaw::three_point;
  const int steps = 16;
  PathOptions options{kSlowTime / steps, 6000, 11, 2, {}, law, PathScheme::talay_tubaro, PathRetraction::newton};
  PathEnsemble<Circle, Circle> ensemble(kCircle, kCircle, kWeights, options, curve.point(kStart));
  ensemble.advance(steps);
  const auto cosine = [](const Vec<2>& x) { return x[0] * x[0] - x[1] * x[1]; };
  const Estimate mean = ensemble.measure(cosine).estimate();
  const Curve::Retraction newton = newton_retraction(kCircle);
  const double expected = extrapolated_expectation(curve, newton, law, steps)(0, 0);
  const double fine = expectation(curve, Euler{}, curve.slow, newton, atoms_of(law), 2 * steps)(0, 0);
  std::printf("Talay-Tubaro %.5f +- %.5f, propagated %.5f, its fine level %.5f\n", mean.mean, mean.standard_error,
              expected, fine);
  EXPECT_EQ(ensemble.paths_that_left(), 0);
  EXPECT_NEAR(mean.mean, expected, 4 * mean.standard_error);

  RunningMoments spread;
  for (const double value : ensemble.values(cosine)) spread.add(value);
  EXPECT_NEAR(spread.mean(), fine, 4 * spread.estimate().standard_error);
  // coupled levels: not far above one level's own error, where independent ones would have sqrt(4 + 1) times it
  EXPECT_LT(mean.standard_error, 1.5 * spread.estimate().standard_error);
}

TEST(PathEnsemble, RefusesNoiseWithTooFewMomentsForTheScheme) {
  for (const auto scheme : {PathScheme::platen, PathScheme::talay_tubaro}) {
    const PathOptions options{0.01, 10, 1, 1, {}, NoiseLaw::two_point, scheme};
    EXPECT_THROW((PathEnsemble<Circle, Circle>(kCircle, kCircle, kWeights, options, Vec<2>(1, 0))), ConfigError);
  }
}

TEST(GradientFlow, EqualsTheClosedFormOfTheValley) {
  const Valley valley{1.0};
  for (const Vec<2>& x : {Vec<2>(0.3, 0.2), Vec<2>(-1.0, 1.5), Vec<2>(0.0, -2.0)}) {
    const auto projected = project_by_gradient_flow(valley, x);
    EXPECT_TRUE(projected.converged);
    EXPECT_NEAR((projected.point - valley.project(x)).norm(), 0.0, 1e-8);
  }
}

TEST(GradientFlow, SaysWhenItDoesNotConverge) {
  GradientFlowOptions options;
  options.most_steps = 3;
  EXPECT_FALSE(project_by_gradient_flow(kCircle, Vec<2>(3.0, 1.0), options).converged);
}

}  // namespace
}  // namespace quasar
