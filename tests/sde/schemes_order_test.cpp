#include <gtest/gtest.h>

#include <cstdio>

#include "core/estimate.h"
#include "sde/path_ensemble.h"
#include "tests/sde/exact_propagation.h"
#include "toy_models/circle.h"

namespace quasar {
namespace {

const Circle kCircle{4.0, std::sqrt(2.0), std::sqrt(0.4)};
const Ellipsoid<2> kEllipse{{1.28, 3.125}, {1.0, 0.3}};  // semi-axes 1.25 and 0.8
const Curve kOnCircle = Curve::of("circle", kCircle, 1, 1), kOnEllipse = Curve::of("ellipse", kEllipse, 1.25, 0.8);

/// Ito coefficients without the normal drift: what Platen's scheme must not be given.
ItoCoefficients<2> uncorrected(const Curve& curve, const Vec<2>& zeta) {
  const auto slow = curve.slow(zeta);
  return {slow.drift, slow.diffusion};
}

/// A retraction of first order: a displacement by the angle v goes to v + v^2.
Projection<2> first_order(const Curve& curve, const Vec<2>& base, const Vec<2>& x) {
  const double phi = curve.angle(base), moved = std::remainder(curve.angle(x) - phi, 2 * std::numbers::pi);
  return {curve.point(phi + moved + moved * moved), 0, true};
}

class WeakOrder {
 public:
  explicit WeakOrder(const Curve& curve) : curve_(curve), exact_(backward_equation(curve)) {}

  /// Holds the error of each observable, the largest over all starting points, to an order from below and above.
  template <class Expectation>
  void expect(const std::string& name, int order, const Expectation& expectation) const {
    std::vector<double> step_sizes;
    std::vector<Eigen::RowVectorXd> errors;
    for (const int steps : {64, 128, 256}) {
      step_sizes.push_back(kSlowTime / steps);
      errors.push_back((expectation(steps) - exact_).cwiseAbs().colwise().maxCoeff());
    }
    for (std::size_t o = 0; o < kObservables.size(); ++o) {
      const auto column = static_cast<Eigen::Index>(o);
      const std::vector<double> own = {errors[0][column], errors[1][column], errors[2][column]};
      const double fitted = fit_order(step_sizes, own).slope;
      std::printf("%-8s %-44s %-13s %10.2e %10.2e %10.2e  order %.3f, declared %d\n", curve_.name.c_str(), name.c_str(),
                  kObservables[o].c_str(), own[0], own[1], own[2], fitted, order);
      EXPECT_NEAR(fitted, order, 0.1) << name << ", " << kObservables[o];
    }
  }

 private:
  const Curve& curve_;
  Eigen::MatrixXd exact_;
};

/// Every scheme with every retraction and noise law; with too few moments of the noise the order falls to the law's.
void expect_declared_orders(const Curve& curve) {
  const WeakOrder weak_order(curve);
  const std::vector<std::pair<std::string, NoiseLaw>> laws = {
      {"normal", NoiseLaw::gaussian}, {"2-point", NoiseLaw::two_point}, {"3-point", NoiseLaw::three_point}};
  for (const auto& [law_name, law] : laws)
    for (const auto& [name, retraction] : curve.retractions) {
      const std::string with = ", " + name + ", " + law_name;
      const auto order = [law](PathScheme scheme) { return std::min(weak_order_of(scheme), highest_weak_order(law)); };
      const auto atoms = atoms_of(law);
      weak_order.expect("Euler" + with, order(PathScheme::euler),
                        [&](int steps) { return expectation(curve, Euler{}, curve.slow, retraction, atoms, steps); });
      weak_order.expect("Platen" + with, order(PathScheme::platen),
                        [&](int steps) { return expectation(curve, Platen{}, curve.ito, retraction, atoms, steps); });
      weak_order.expect("Talay-Tubaro" + with, order(PathScheme::talay_tubaro),
                        [&](int steps) { return extrapolated_expectation(curve, retraction, law, steps); });
    }
}

TEST(Schemes, HaveTheirDeclaredWeakOrderOnTheCircle) { expect_declared_orders(kOnCircle); }
TEST(Schemes, HaveTheirDeclaredWeakOrderOnTheEllipse) { expect_declared_orders(kOnEllipse); }

TEST(Schemes, LoseTheirOrderWithTheWrongDriftOrARetractionOfFirstOrder) {
  for (const Curve& curve : {kOnCircle, kOnEllipse}) {
    const WeakOrder weak_order(curve);
    const auto atoms = atoms_of(NoiseLaw::three_point);
    weak_order.expect("Platen without the normal drift", 1, [&](int steps) {
      const auto field = [&](const Vec<2>& zeta) { return uncorrected(curve, zeta); };
      return expectation(curve, Platen{}, field, curve.retractions[1].second, atoms, steps);
    });
    weak_order.expect("Euler with a retraction of first order", 0, [&](int steps) {
      const auto retraction = [&](const Vec<2>& base, const Vec<2>& x) { return first_order(curve, base, x); };
      return expectation(curve, Euler{}, curve.slow, retraction, atoms, steps);
    });
  }
}

// T5 of the theory: the reference by a tridiagonal Galerkin method, the errors computed with another program
TEST(Schemes, AndTheirReferenceGiveThePublishedNumbersOnTheCircle) {
  constexpr double kGalerkin = -0.459586965521;
  EXPECT_NEAR(backward_equation(kOnCircle)(0, 0), kGalerkin, 1e-10);
  for (const auto& [name, retraction] : kOnCircle.retractions) {
    if (name == "orthographic") continue;  // Phi and Newton agree to fourth order with the closest point
    const auto euler = [&, &retraction = retraction](int steps) {
      return expectation(kOnCircle, Euler{}, kOnCircle.slow, retraction, atoms_of(NoiseLaw::gaussian), steps)(0, 0);
    };
    EXPECT_NEAR(euler(32) - kGalerkin, -0.004886, 1e-6) << name;
    EXPECT_NEAR(euler(128) - kGalerkin, -0.001304, 1e-6) << name;
    EXPECT_NEAR(2 * euler(128) - euler(64) - kGalerkin, -5.9e-5, 1e-6) << name;
  }
}

}  // namespace
}  // namespace quasar
