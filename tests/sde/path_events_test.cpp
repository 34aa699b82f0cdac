// Paths that cannot go on: which ones, why, and that no average contains them. Every expectation is a closed form.

#include "sde/path_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "sde/path_ensemble.h"
#include "toy_models/circle.h"

namespace quasar {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Property;
using testing::ThrowsMessage;

const DriftWeights kSgd{drift_weights::Sgd{}, 1};

/// L = x^2 y^n / 2: minimisers x = 0 where y^n > 0, of curvature y^n; noise along them only, so that y = y0 + b W.
template <int Power>
struct Funnel {
  static constexpr int dim = 2;
  double b = 1.0;
  static double power(double y, int n) { return n < 0 ? 0.0 : std::pow(y, n); }
  double value(const Vec<2>& x) const { return 0.5 * x[0] * x[0] * power(x[1], Power); }
  Vec<2> gradient(const Vec<2>& x) const {
    return {x[0] * power(x[1], Power), 0.5 * x[0] * x[0] * Power * power(x[1], Power - 1)};
  }
  Mat<2> hessian(const Vec<2>& x) const {
    const double mixed = x[0] * Power * power(x[1], Power - 1);
    const double yy = 0.5 * x[0] * x[0] * Power * (Power - 1) * power(x[1], Power - 2);
    return (Mat<2>() << power(x[1], Power), mixed, mixed, yy).finished();
  }
  Vec<2> third_derivative(const Vec<2>& x, const Mat<2>& s) const {  // on the manifold, x = 0
    const double slope = Power * power(x[1], Power - 1);
    return {2.0 * slope * s(0, 1), slope * s(0, 0)};
  }
  Mat<2> covariance(const Vec<2>&) const { return Vec<2>(0.0, b * b).asDiagonal(); }
};

template <class L>
PathEnsemble<L, L> ensemble_of(const L& loss, const PathOptions& options, const Vec<2>& start) {
  return {loss, loss, kSgd, options, start};
}

double y_of(const Vec<2>& x) { return x[1]; }

// 2-point noise walks on a lattice of y0/4, so the reflection principle gives the share that has met y = 0 after 12
// steps, P(S <= -4) + P(S < -4) = 2 P(S >= 6) + P(S = 4), and, since stopped walks keep their mean, the survivors' mean.
TEST(PathEvents, PathsThatMeetAHessianOfLowerRankAreMarkedAndInNoAverage) {
  PathOptions options{0.0625, 4000, 5, 2, {}, NoiseLaw::two_point};
  auto ensemble = ensemble_of(Funnel<2>{}, options, Vec<2>(0, 1));
  ensemble.advance(12);
  const double share = (2.0 * (220 + 66 + 12 + 1) + 495) / 4096;  // of the 2^12 walks
  const double n = static_cast<double>(options.paths), se = std::sqrt(share * (1 - share) / n);
  const auto events = ensemble.events();
  const auto changed = static_cast<double>(events.at(PathEvent::rank_changed));
  const RunningMoments y = ensemble.measure(y_of);
  std::printf("share %.4f +- %.4f, expected %.4f; mean of the rest %.4f +- %.4f, expected %.4f\n", changed / n, se,
              share, y.mean(), y.estimate().standard_error, 1 / (1 - share));
  EXPECT_NEAR(changed / n, share, 4 * se);
  EXPECT_EQ(ensemble.paths_that_left(), events.at(PathEvent::rank_changed));
  EXPECT_EQ(y.count(), options.paths - ensemble.paths_that_left());
  EXPECT_EQ(ensemble.values(y_of).size(), static_cast<std::size_t>(y.count()));
  EXPECT_NEAR(y.mean(), 1 / (1 - share), 4 * y.estimate().standard_error);
  EXPECT_GT(y.mean() - 1.0, 20 * y.estimate().standard_error) << "averaging all of them would give 1";
}

TEST(PathEvents, EventsNameTheStepAndThePathStaysAtTheLastGoodPoint) {
  PathOptions options{0.0625, 300, 5, 1, {}, NoiseLaw::two_point};
  auto ensemble = ensemble_of(Funnel<2>{}, options, Vec<2>(0, 1));
  ensemble.advance(12);
  for (std::size_t path = 0; path < 300; ++path) {
    double y = 1.0;
    std::int64_t step = 0;
    const auto noise = [&](std::int64_t k) {
      return draw_step_noise<2>(NoiseLaw::two_point, 5, static_cast<std::int64_t>(path), k).increments[1];
    };
    while (step < 12 && y + 0.25 * noise(step) != 0.0) y += 0.25 * noise(step++);
    EXPECT_EQ(ensemble.state().events[path], step < 12 ? PathEvent::rank_changed : PathEvent::none);
    EXPECT_EQ(ensemble.state().event_steps[path], step < 12 ? step : 0);
    EXPECT_NEAR(ensemble.state().positions[path][1], y, 1e-12);
  }
}

// the same walk with the steps 0.4: from 0.2 it goes to -0.2, where the curvature y is negative
TEST(PathEvents, PathsThatStepOntoASaddleAreMarked) {
  PathOptions options{0.16, 500, 5, 2, {}, NoiseLaw::two_point};
  auto ensemble = ensemble_of(Funnel<1>{}, options, Vec<2>(0, 1));
  ensemble.advance(3);
  const double n = 500, share = 1.0 / 8, se = std::sqrt(share * (1 - share) / n);
  EXPECT_NEAR(static_cast<double>(ensemble.events().at(PathEvent::not_a_minimiser)) / n, share, 4 * se);
  EXPECT_EQ(ensemble.paths_that_left(), ensemble.events().at(PathEvent::not_a_minimiser));
}

// From (1, 0) one step goes to (1, v); the normal there misses the circle for |v| > 1, and for |v| < 0.9 the error
// falls by v^2 an iteration: 0.81^200 < 1e-18.
TEST(PathEvents, PathsWhoseRetractionFailsAreThoseOutOfItsReach) {
  const Circle circle{4.0, 1.0, 1.0};
  const double h = 0.5;
  for (const auto scheme : {PathScheme::euler, PathScheme::talay_tubaro}) {
    PathOptions options{h, 2000, 3, 2, {}, NoiseLaw::gaussian, scheme, PathRetraction::orthographic};
    auto ensemble = ensemble_of(circle, options, Vec<2>(1, 0));
    ensemble.advance(1);
    EXPECT_GT(ensemble.events().at(PathEvent::retraction_failed), 200);
    EXPECT_EQ(ensemble.measure(y_of).count(), 2000 - ensemble.paths_that_left());
    if (scheme == PathScheme::talay_tubaro) continue;
    int out_of_reach = 0;
    for (std::size_t path = 0; path < 2000; ++path) {
      const auto noise = draw_step_noise<2>(NoiseLaw::gaussian, 3, static_cast<std::int64_t>(path), 0);
      const double v = std::abs(std::sqrt(h) * noise.increments[1]);
      const PathEvent event = ensemble.state().events[path];
      out_of_reach += v > 1.0 ? 1 : 0;
      EXPECT_TRUE(v <= 1.0 || event != PathEvent::none) << v;
      EXPECT_TRUE(v >= 0.9 || event == PathEvent::none) << v;
      EXPECT_TRUE(event == PathEvent::none || ensemble.state().positions[path] == Vec<2>(1, 0));
    }
    EXPECT_NEAR(out_of_reach / 2000.0, std::erfc(1.0), 4 * 0.0082);  // P(|xi| > sqrt 2)
  }
}

/// A circle that ends at x < 0: no gradient there.
struct HalfCircle : Circle {
  Vec<2> gradient(const Vec<2>& x) const {
    return x[0] < 0.0 ? Vec<2>(Vec<2>::Constant(std::nan(""))) : Circle::gradient(x);
  }
};

// Isotropic noise has no drift and the step ends at the angle phi + atan v, so x < 0 means v > tan(pi/2 - phi) = 0.3/0.95
TEST(PathEvents, PathsThatLeaveTheDomainAreThoseBeyondItsEdge) {
  const HalfCircle half{{4.0, 1.0, 1.0}};
  PathOptions options{0.05, 2000, 3, 2};
  const Vec<2> start = Vec<2>(0.3, 0.95).normalized(), tangent(-start[1], start[0]);
  auto ensemble = ensemble_of(half, options, start);
  ensemble.advance(1);
  int beyond = 0;
  for (std::size_t path = 0; path < 2000; ++path) {
    const auto noise = draw_step_noise<2>(NoiseLaw::gaussian, 3, static_cast<std::int64_t>(path), 0);
    const bool left = std::sqrt(0.05) * tangent.dot(noise.increments) > start[0] / start[1];
    beyond += left ? 1 : 0;
    EXPECT_EQ(ensemble.state().events[path], left ? PathEvent::not_finite : PathEvent::none);
  }
  EXPECT_EQ(ensemble.events().at(PathEvent::not_finite), beyond);
  EXPECT_GT(beyond, 100);
  EXPECT_GT(quantiles(ensemble.values([](const Vec<2>& x) { return x[0]; }), {0.0})[0], 0.0);
}

TEST(PathEvents, DoNotDependOnThreads) {
  PathOptions options{0.0625, 700, 5, 1, {}, NoiseLaw::two_point};
  auto one = ensemble_of(Funnel<2>{}, options, Vec<2>(0, 1));
  options.threads = 3;
  auto three = ensemble_of(Funnel<2>{}, options, Vec<2>(0, 1));
  one.advance(9);
  three.advance(4);
  three.advance(5);
  EXPECT_EQ(one.state().events, three.state().events);
  EXPECT_EQ(one.state().event_steps, three.state().event_steps);
}

template <class L>
auto refusal_of(const L& loss, const Vec<2>& start) {
  return [=] { ensemble_of(loss, PathOptions{0.01, 1, 1, 1}, start); };
}

/// L = (x^2 + y^2) / 2: one minimiser.
struct Bowl : Funnel<2> {
  Vec<2> gradient(const Vec<2>& x) const { return x; }
  Mat<2> hessian(const Vec<2>&) const { return Mat<2>::Identity(); }
};

TEST(PathEnsemble, StartThatIsNoMinimiserOfAManifoldIsRefusedWithThePoint) {
  const auto says = [](const std::string& what, const std::string& point) {
    return ThrowsMessage<NumericalError>(AllOf(HasSubstr(what), HasSubstr(point)));
  };
  const Circle circle;
  EXPECT_THAT(refusal_of(circle, Vec<2>(0, 0)), says("saddle or a maximum", "(0, 0)"));
  EXPECT_THAT(refusal_of(Funnel<1>{}, Vec<2>(0, -0.5)), says("eigenvalue -0.5", "(0, -0.5)"));
  EXPECT_THAT(refusal_of(Funnel<2>{}, Vec<2>(0, 0)), says("degenerate", "(0, 0)"));
  EXPECT_THAT(refusal_of(Bowl{}, Vec<2>(0, 0)), says("isolated", "(0, 0)"));
  EXPECT_THAT(refusal_of(circle, Vec<2>(1e200, 0)), says("does not converge", "(1e+200, 0)"));
  EXPECT_THAT(refusal_of(circle, Vec<2>(std::nan(""), 0)), says("does not converge", "(nan, 0)"));
}

TEST(PathEnsemble, StartOffTheManifoldIsProjected) {
  const Circle circle;
  const auto ensemble = ensemble_of(circle, PathOptions{0.01, 1, 1, 1}, Vec<2>(1.2, 0.9));
  EXPECT_NEAR((ensemble.start() - Vec<2>(0.8, 0.6)).norm(), 0.0, 1e-9);
  EXPECT_EQ(ensemble.rank(), 1);
}

}  // namespace
}  // namespace quasar
