#include "sde/path_ensemble.h"

#include <gtest/gtest.h>

#include <cmath>

#include "toy_models/circle.h"
#include "toy_models/valley.h"

namespace quasar {
namespace {

const Circle kCircle{4.0, 1.4, 0.6};
const DriftWeights kWeights{drift_weights::LocalSgd{0.3}, 4};

PathEnsemble<Circle, Circle> ensemble_of(std::int64_t paths, int threads) {
  return {kCircle, kCircle, kWeights, PathOptions{0.01, paths, 42, threads, {}}, Vec<2>(0.8, 0.6)};
}

bool same_positions(const PathState<2>& a, const PathState<2>& b, std::size_t paths) {
  for (std::size_t i = 0; i < paths; ++i)
    if (a.positions[i] != b.positions[i]) return false;
  return true;
}

TEST(PathEnsemble, ResumingFromAStateChangesNothing) {
  auto straight = ensemble_of(150, 1);
  straight.advance(12);
  auto first = ensemble_of(150, 1);
  first.advance(5);
  const PathState<2> saved = first.state();
  auto second = ensemble_of(150, 1);
  second.restore(saved);
  second.advance(7);
  EXPECT_EQ(second.state().step, 12);
  EXPECT_TRUE(same_positions(straight.state(), second.state(), 150));
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
    PathOptions options{0.02, 1500, 42, 2, {}, law, scheme, retraction};
    PathEnsemble<Circle, Circle> ensemble(kCircle, kCircle, kWeights, options, Vec<2>(0.8, 0.6));
    ensemble.advance(10);
    return ensemble.measure([](const Vec<2>& x) { return x[0] * x[0] - x[1] * x[1]; }).estimate();
  };
  const Estimate reference = mean(PathScheme::platen, PathRetraction::newton, NoiseLaw::three_point);
  for (const Estimate& other : {mean(PathScheme::euler, PathRetraction::gradient_flow, NoiseLaw::gaussian),
                                mean(PathScheme::euler, PathRetraction::newton, NoiseLaw::two_point),
                                mean(PathScheme::platen, PathRetraction::gradient_flow, NoiseLaw::gaussian)})
    // 0.02: Euler's bias, time step times slow time times a rate of order 5
    EXPECT_NEAR(other.mean, reference.mean, 4.0 * std::hypot(other.standard_error, reference.standard_error) + 0.02);
}

TEST(PathEnsemble, PathsStayOnTheManifold) {
  auto ensemble = ensemble_of(100, 2);
  ensemble.advance(20);
  for (const auto& zeta : ensemble.state().positions) EXPECT_NEAR(zeta.norm(), 1.0, 1e-9);
}

/// A circle whose minimisers end at x < 0: the projection of a point there does not converge.
struct HalfCircle : Circle {
  Vec<2> gradient(const Vec<2>& x) const {
    return x[0] < 0.0 ? Vec<2>(Vec<2>::Constant(std::nan(""))) : Circle::gradient(x);
  }
};

TEST(PathEnsemble, PathThatLeavesTheDomainIsCountedAndNeverAveraged) {
  const HalfCircle half{{4.0, 1.4, 1.4}};
  PathEnsemble<HalfCircle, HalfCircle> ensemble(half, half, kWeights, PathOptions{0.05, 200, 3, 2, {}},
                                                Vec<2>(0.3, 0.95));
  ensemble.advance(10);
  EXPECT_GT(ensemble.paths_that_left(), 5);
  EXPECT_LT(ensemble.paths_that_left(), 200);
  const RunningMoments x = ensemble.measure([](const Vec<2>& zeta) { return zeta[0]; });
  EXPECT_EQ(x.count(), 200 - ensemble.paths_that_left());
  EXPECT_GT(x.mean(), 0.0);
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
