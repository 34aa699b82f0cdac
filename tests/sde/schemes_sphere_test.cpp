#include <gtest/gtest.h>

#include <cstdio>

#include "core/estimate.h"
#include "tests/sde/exact_propagation.h"

namespace quasar {
namespace {

/// Brownian motion on the unit sphere of R^Dim, whose columns of noise do not commute.
template <int Dim>
const Ellipsoid<Dim> kSphere{Vec<Dim>::Constant(3, 2.0), Vec<Dim>::Constant(3, 1.0)};
const Vec<3> kOnSphere = Vec<3>(0.5, -0.3, 0.7).normalized();

// A spherical harmonic of degree l decays as e^{-l(l+1)t/2}; the error of one step has order p + 1.
TEST(Schemes, HaveTheirLocalOrderOnTheSphere) {
  using Retract = std::function<Projection<3>(const Vec<3>&, const Vec<3>&)>;
  const auto& sphere = kSphere<3>;
  const auto harmonic = [](const Vec<3>& x) { return x[0] * x[1] + x[0] * x[2]; };
  const auto local_order = [&](const char* name, const auto& scheme, const auto& coefficients,
                               const Retract& retraction, bool area_signs) {
    std::vector<double> step_sizes, errors;
    for (const double h : {0.02, 0.01, 0.005}) {
      double mean = 0;
      for (const auto& [probability, noise] : noise_outcomes<3>(atoms_of(NoiseLaw::three_point), area_signs)) {
        const auto next = scheme(coefficients, retraction, kOnSphere, h, noise);
        EXPECT_TRUE(next.converged);
        mean += probability * harmonic(next.point);
      }
      step_sizes.push_back(h);
      errors.push_back(mean - std::exp(-3 * h) * harmonic(kOnSphere));
    }
    const double order = fit_order(step_sizes, errors).slope;
    std::printf("sphere   %-36s %10.2e %10.2e %10.2e  local order %.3f\n", name, errors[0], errors[1], errors[2],
                order);
    return order;
  };
  const auto slow = slow_coefficient_field(sphere, sphere, kWeights);
  const auto ito = ito_coefficient_field(sphere, sphere, kWeights);
  for (const Retract& retraction : {Retract(newton_retraction(sphere)), Retract(orthographic_retraction(sphere))}) {
    EXPECT_NEAR(local_order("Euler", Euler{}, slow, retraction, false), Euler::weak_order + 1, 0.2);
    EXPECT_NEAR(local_order("Platen", Platen{}, ito, retraction, true), Platen::weak_order + 1, 0.2);
    EXPECT_NEAR(local_order("control: Platen without areas", Platen{}, ito, retraction, false), 2.0, 0.2);
  }
}

TEST(Schemes, DoNotDependOnWhetherTheDimensionIsKnownWhenCompiling) {
  const auto step = []<int Dim>(const Ellipsoid<Dim>& sphere) {
    const auto noise = draw_step_noise<Dim>(NoiseLaw::gaussian, 1, 2, 3, 3);
    const auto ito = ito_coefficient_field(sphere, sphere, kWeights);
    return Vec<3>(Platen{}(ito, orthographic_retraction(sphere), Vec<Dim>(kOnSphere), 0.01, noise).point);
  };
  EXPECT_LT((step(kSphere<3>) - step(kSphere<Eigen::Dynamic>)).norm(), 1e-7);
}

}  // namespace
}  // namespace quasar
