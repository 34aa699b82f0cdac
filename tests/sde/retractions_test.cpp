#include <gtest/gtest.h>

#include <cstdio>

#include "core/estimate.h"
#include "tests/sde/exact_propagation.h"
#include "toy_models/circle.h"
#include "toy_models/hyperbola.h"
#include "toy_models/valley.h"

namespace quasar {
namespace {

using Retract = std::function<Projection<2>(const Vec<2>&, const Vec<2>&)>;
const Ellipsoid<2> kEllipse{{1.28, 3.125}, {1.0, 0.3}};
const Hyperbola kHyperbola{1.0};

/// Order in h of the distance between a retraction of zeta + h displacement and Phi.
template <class L>
double distance_order(const L& loss, const Retract& retraction, const Vec<2>& zeta, const Vec<2>& displacement) {
  std::vector<double> sizes, distances;
  for (const double h : {0.08, 0.04, 0.02}) {
    const Vec<2> x = zeta + h * displacement;
    const auto near = retraction(zeta, x);
    const auto flow = project_by_gradient_flow(loss, x);
    EXPECT_TRUE(near.converged && flow.converged);
    sizes.push_back(h);
    distances.push_back((near.point - flow.point).norm());
  }
  std::printf("distance to Phi %.2e %.2e %.2e\n", distances[0], distances[1], distances[2]);
  return fit_order(sizes, distances).slope;
}

// Both normal directions used here are one at the base and one at the foot of the step, which differ by O(h): with a
// normal offset of O(h^2) the points differ by O(h^3). Newton's and Phi's normals are both those of the foot: O(h^4).
TEST(Retractions, AreOfSecondOrderForTangentDisplacements) {
  const Vec<2> on_hyperbola(std::exp(0.4), std::exp(-0.4)), along_hyperbola(on_hyperbola[0], -on_hyperbola[1]);
  const Vec<2> on_ellipse(1.25 * std::cos(0.7), 0.8 * std::sin(0.7));
  const Vec<2> along_ellipse(-1.25 * std::sin(0.7), 0.8 * std::cos(0.7));
  EXPECT_NEAR(distance_order(kHyperbola, newton_retraction(kHyperbola), on_hyperbola, along_hyperbola), 4.0, 0.2);
  EXPECT_NEAR(distance_order(kEllipse, newton_retraction(kEllipse), on_ellipse, along_ellipse), 4.0, 0.2);
  EXPECT_NEAR(distance_order(kHyperbola, orthographic_retraction(kHyperbola), on_hyperbola, along_hyperbola), 3.0, 0.2);
  EXPECT_NEAR(distance_order(kEllipse, orthographic_retraction(kEllipse), on_ellipse, along_ellipse), 3.0, 0.2);
}

// What their kinds declare: one of second order must not be used with noise across the manifold.
TEST(Retractions, OfTheSecondOrderKindDifferFromPhiAtSecondOrderForNormalDisplacements) {
  const Vec<2> on_ellipse(1.25 * std::cos(0.7), 0.8 * std::sin(0.7));
  const Vec<2> normal = kEllipse.slope(on_ellipse).normalized();
  static_assert(decltype(gradient_flow_retraction(kEllipse))::kind == RetractionKind::projection);
  static_assert(decltype(newton_retraction(kEllipse))::kind == RetractionKind::second_order);
  static_assert(decltype(orthographic_retraction(kEllipse))::kind == RetractionKind::second_order);
  EXPECT_NEAR(distance_order(kEllipse, newton_retraction(kEllipse), on_ellipse, normal), 2.0, 0.2);
  EXPECT_NEAR(distance_order(kEllipse, orthographic_retraction(kEllipse), on_ellipse, normal), 2.0, 0.2);
}

// On the valley Phi(h, y) = (0, y - h^2/4), while Newton's first step already goes down by h^2 and an orthographic one
// not at all: with noise across the manifold the drift would be four times too large, or 0.
TEST(Retractions, GiveTheWrongDriftForNormalDisplacementsUnlessTheyArePhi) {
  const Valley valley;
  const Vec<2> base(0.0, 0.3);
  for (const double h : {0.04, 0.02, 0.01}) {
    const Vec<2> x = base + Vec<2>(h, 0);
    const auto newton = project_by_newton(valley, base, x), flow = project_by_gradient_flow(valley, x);
    const auto orthographic = project_orthographically(valley, base, x);
    ASSERT_TRUE(newton.converged && flow.converged && orthographic.converged);
    EXPECT_NEAR((newton.point[1] - base[1]) / (h * h), -1.0, 3 * h);
    EXPECT_NEAR((flow.point[1] - base[1]) / (h * h), -0.25, 1e-4);
    EXPECT_EQ(orthographic.point[1], base[1]);
  }
}

// x - H(base)^+ grad L moves along the normal at the base only; the hyperbola xy = 1 seen from a tangent step h t
// at (1, 1) gives the foot in closed form: s = h / sqrt 2, (sqrt(1 + s^2) + s, sqrt(1 + s^2) - s).
TEST(OrthographicRetraction, EqualsTheClosedFormOnTheHyperbola) {
  for (const double s : {0.05, -0.2, 0.4}) {
    const auto found = project_orthographically(kHyperbola, Vec<2>(1, 1), Vec<2>(1 + s, 1 - s));
    EXPECT_TRUE(found.converged);
    EXPECT_NEAR((found.point - Vec<2>(std::hypot(1.0, s) + s, std::hypot(1.0, s) - s)).norm(), 0.0, 1e-10) << s;
  }
}

TEST(OrthographicRetraction, DoesNotMoveAPointOfTheManifoldAndReportsAPointOutOfReach) {
  const Circle circle;
  const auto stays = project_orthographically(circle, Vec<2>(1, 0), Vec<2>(1, 0));
  EXPECT_TRUE(stays.converged && stays.steps == 0);
  EXPECT_EQ(stays.point, Vec<2>(1, 0));
  EXPECT_FALSE(project_orthographically(circle, Vec<2>(1, 0), Vec<2>(1, 1.2)).converged);  // the normal misses it
  EXPECT_FALSE(project_orthographically(circle, Vec<2>(1, 0), Vec<2>(NAN, 0)).converged);
}

TEST(NewtonRetraction, DoesNotMoveAPointOfTheManifoldAndReportsAPointOutOfReach) {
  const Circle circle;
  const auto stays = project_by_newton(circle, Vec<2>(1, 0), Vec<2>(1, 0));
  EXPECT_TRUE(stays.converged && stays.steps == 0);
  EXPECT_EQ(stays.point, Vec<2>(1, 0));
  EXPECT_FALSE(project_by_newton(circle, Vec<2>(1, 0), Vec<2>(0.1, 0)).converged);  // inside the inflection circle
  EXPECT_FALSE(project_by_newton(circle, Vec<2>(1, 0), Vec<2>(NAN, 0)).converged);
}

}  // namespace
}  // namespace quasar
