#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "core/estimate.h"
#include "sde/noise_law.h"
#include "sde/platen_scheme.h"
#include "sde/schemes.h"
#include "sde/talay_tubaro.h"
#include "toy_models/circle.h"
#include "toy_models/hyperbola.h"
#include "toy_models/valley.h"

namespace quasar {
namespace {

/// L = g^2/2, g = sum_i c_i x_i^2 / 2 - 1: an ellipsoid of semi-axes sqrt(2/c_i), with a constant diagonal S.
template <int Dim>
struct Ellipsoid {
  static constexpr int dim = Dim;
  Vec<Dim> c, variances;
  double level(const Vec<Dim>& x) const { return 0.5 * c.dot(x.cwiseProduct(x)) - 1.0; }
  Vec<Dim> slope(const Vec<Dim>& x) const { return c.cwiseProduct(x); }
  double value(const Vec<Dim>& x) const { return 0.5 * level(x) * level(x); }
  Vec<Dim> gradient(const Vec<Dim>& x) const { return level(x) * slope(x); }
  Mat<Dim> hessian(const Vec<Dim>& x) const {
    return slope(x) * slope(x).transpose() + level(x) * Mat<Dim>(c.asDiagonal());
  }
  Vec<Dim> third_derivative(const Vec<Dim>& x, const Mat<Dim>& s) const {
    return slope(x) * c.dot(s.diagonal()) + c.cwiseProduct((s + s.transpose()) * slope(x));
  }
  Mat<Dim> covariance(const Vec<Dim>&) const { return variances.asDiagonal(); }
};

constexpr double kStart = 0.6, kSlowTime = 0.5;
const DriftWeights kWeights{drift_weights::Quadratic{}, 3};
const Circle kCircle{4.0, std::sqrt(2.0), std::sqrt(0.4)};
const Ellipsoid<2> kEllipse{{1.28, 3.125}, {1.0, 0.3}};  // semi-axes 1.25 and 0.8

/// A manifold (p cos phi, q sin phi); all that happens on it here has the period pi in phi.
template <class L>
struct Curve {
  const char* name;
  const L& loss;
  double p, q;
  Vec<2> point(double phi) const { return {p * std::cos(phi), q * std::sin(phi)}; }
  double angle(const Vec<2>& x) const { return std::atan2(x[1] / q, x[0] / p); }
};

constexpr int kNodes = 48;
double node(int i) { return kStart + std::numbers::pi * i / kNodes; }

/// Values on the grid of the trigonometric interpolant's cardinal functions (even number of nodes), at angle phi.
Eigen::RowVectorXd cardinal(double phi) {
  Eigen::RowVectorXd row(kNodes);
  for (int j = 0; j < kNodes; ++j) {
    const double x = phi - node(j), sine = std::sin(x);
    row[j] = std::abs(sine) < 1e-12 ? 1.0 : std::sin(kNodes * x) * std::cos(x) / (kNodes * sine);
  }
  return row;
}

Eigen::VectorXd cos_2_phi() {
  return Eigen::VectorXd::NullaryExpr(kNodes, [](Eigen::Index i) { return std::cos(2 * node(static_cast<int>(i))); });
}

/// E cos 2 phi at slow time 0.5 from each node, independent of every scheme: the backward equation
/// u_t = mu u' + D u''/2 by Fourier collocation and RK4.
template <class L>
Eigen::VectorXd backward_equation(const Curve<L>& curve) {
  Eigen::VectorXd mu(kNodes), half_d(kNodes);
  for (int i = 0; i < kNodes; ++i) {  // Ito's formula for phi(x) on the curve
    const Vec<2> zeta = curve.point(node(i));
    const auto ito = ito_coefficient_field(curve.loss, curve.loss, kWeights)(zeta);
    const double x = zeta[0] / curve.p, y = zeta[1] / curve.q;
    const Vec<2> first(-y / curve.p, x / curve.q);
    Mat<2> second;
    const double mixed = (y * y - x * x) / (curve.p * curve.q);
    second << 2 * x * y / (curve.p * curve.p), mixed, mixed, -2 * x * y / (curve.q * curve.q);
    const Mat<2> covariance = ito.diffusion * ito.diffusion.transpose();
    mu[i] = first.dot(ito.drift) + 0.5 * second.cwiseProduct(covariance).sum();
    half_d[i] = 0.5 * first.dot(covariance * first);
  }
  Eigen::MatrixXd derivative = Eigen::MatrixXd::Zero(kNodes, kNodes), curvature = derivative;
  for (int i = 0; i < kNodes; ++i)
    for (int j = 0; j < kNodes; ++j) {  // Trefethen, Spectral Methods in Matlab, ch. 3; d/dphi = 2 d/dx
      const double h = 2 * std::numbers::pi / kNodes, sign = (i - j) % 2 == 0 ? 1.0 : -1.0;
      if (i != j) derivative(i, j) = 2 * 0.5 * sign / std::tan((i - j) * h / 2);
      curvature(i, j) = 4 * (i == j ? -std::numbers::pi * std::numbers::pi / (3 * h * h) - 1.0 / 6
                                    : -sign / (2 * std::pow(std::sin((i - j) * h / 2), 2)));
    }
  const Eigen::MatrixXd generator = mu.asDiagonal() * derivative + Eigen::MatrixXd(half_d.asDiagonal() * curvature);
  Eigen::VectorXd u = cos_2_phi();
  constexpr int kSteps = 4000;
  const double dt = kSlowTime / kSteps;
  for (int k = 0; k < kSteps; ++k) {
    const Eigen::VectorXd g1 = generator * u, g2 = generator * (u + dt / 2 * g1), g3 = generator * (u + dt / 2 * g2);
    u += dt / 6 * (g1 + 2 * g2 + 2 * g3 + generator * (u + dt * g3));
  }
  return u;
}

/// Atoms of a law in one dimension; the normal law by the Gauss-Hermite rule with ten nodes.
struct Atom {
  double x, weight;
};
std::vector<Atom> atoms_of(NoiseLaw law) {
  if (law == NoiseLaw::two_point) return {{-1, 0.5}, {1, 0.5}};
  if (law == NoiseLaw::three_point) return {{-std::sqrt(3.0), 1.0 / 6}, {0, 2.0 / 3}, {std::sqrt(3.0), 1.0 / 6}};
  constexpr int kHermite = 10;
  Eigen::MatrixXd jacobi = Eigen::MatrixXd::Zero(kHermite, kHermite);
  for (int i = 1; i < kHermite; ++i) jacobi(i, i - 1) = jacobi(i - 1, i) = std::sqrt(i);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(jacobi);
  std::vector<Atom> atoms;
  for (int i = 0; i < kHermite; ++i) atoms.push_back({eigen.eigenvalues()[i], std::pow(eigen.eigenvectors()(0, i), 2)});
  return atoms;
}

/// The law of sum_of_halves.
std::vector<Atom> halves_of(NoiseLaw law) {
  if (law == NoiseLaw::gaussian) return atoms_of(law);
  std::vector<Atom> atoms;
  for (const auto& a : atoms_of(law))
    for (const auto& b : atoms_of(law)) atoms.push_back({(a.x + b.x) / std::sqrt(2.0), a.weight * b.weight});
  return atoms;
}

/// Every outcome of a step's noise with its probability.
template <int Dim>
std::vector<std::pair<double, StepNoise<Dim>>> outcomes(const std::vector<Atom>& atoms, bool area_signs) {
  std::vector<std::pair<double, StepNoise<Dim>>> all{{1.0, {Vec<Dim>::Zero(), Mat<Dim>::Zero()}}};
  const auto branch = [&](int i, int j, const std::vector<Atom>& values) {  // increment i, or the area (i, j)
    for (const auto before = std::exchange(all, {}); const auto& [probability, noise] : before)
      for (const auto& atom : values) {
        all.emplace_back(probability * atom.weight, noise);
        auto& next = all.back().second;
        (i == j ? next.increments[i] : next.area_signs(i, j)) = atom.x;
        if (i != j) next.area_signs(j, i) = -atom.x;
      }
  };
  for (int j = 0; j < Dim; ++j) {
    branch(j, j, atoms);
    for (int i = 0; area_signs && i < j; ++i) branch(i, j, atoms_of(NoiseLaw::two_point));
  }
  return all;
}

/// E cos 2 phi from each node after n steps, without any sampling: u_{k+1}(phi) = E u_k(phi') on a trigonometric grid.
template <class L, class Scheme, class Coefficients, class Retract>
Eigen::VectorXd expectation(const Curve<L>& curve, const Scheme& scheme, const Coefficients& coefficients,
                            const Retract& retraction, const std::vector<Atom>& atoms, int steps) {
  const auto noises = outcomes<2>(atoms, Scheme::weak_order > 1);
  Eigen::MatrixXd transition = Eigen::MatrixXd::Zero(kNodes, kNodes);
  for (int i = 0; i < kNodes; ++i)
    for (const auto& [probability, noise] : noises) {
      const auto next = scheme(coefficients, retraction, curve.point(node(i)), kSlowTime / steps, noise);
      if (!next.converged) throw NumericalError("a retraction does not converge");
      transition.row(i) += probability * cardinal(curve.angle(next.point));
    }
  Eigen::VectorXd u = cos_2_phi();
  for (int k = 0; k < steps; ++k) u = transition * u;
  return u;
}

/// Ito coefficients without the normal drift: what Platen's scheme must not be given.
template <class L>
auto uncorrected_field(const L& loss) {
  return [&loss](const Vec<2>& zeta) {
    const auto slow = slow_coefficient_field(loss, loss, kWeights)(zeta);
    return ItoCoefficients<2>{slow.drift, slow.diffusion};
  };
}

/// A line of the table: what is propagated, and the order it must have, which for the controls is not the declared one.
struct Line {
  std::string name;
  int declared;  ///< by the scheme's type
  int expected;
  std::function<Eigen::VectorXd(int steps)> expectation;  ///< from each node
};

template <class L>
std::vector<Line> table(const Curve<L>& curve) {
  using enum NoiseLaw;
  const L& loss = curve.loss;
  const auto slow = slow_coefficient_field(loss, loss, kWeights);
  const auto ito = ito_coefficient_field(loss, loss, kWeights);
  const auto newton = newton_retraction(loss);
  const auto flow = gradient_flow_retraction(loss);
  const auto line = [&curve](std::string name, auto scheme, auto coefficients, auto retraction, NoiseLaw law,
                             int expected) {
    return Line{name, scheme.weak_order, expected, [=](int steps) -> Eigen::VectorXd {
                  return expectation(curve, scheme, coefficients, retraction, atoms_of(law), steps);
                }};
  };
  const auto extrapolated = [&curve, slow, newton](std::string name, NoiseLaw law, int expected) {
    return Line{name, TalayTubaro::weak_order, expected, [=](int steps) -> Eigen::VectorXd {
                  return 2 * expectation(curve, Euler{}, slow, newton, atoms_of(law), 2 * steps) -
                         expectation(curve, Euler{}, slow, newton, halves_of(law), steps);
                }};
  };
  return {line("Euler, normal, Phi", Euler{}, slow, flow, gaussian, 1),
          line("Euler, normal, Newton", Euler{}, slow, newton, gaussian, 1),
          line("Euler, 2-point, Phi", Euler{}, slow, flow, two_point, 1),
          line("Euler, 2-point, Newton", Euler{}, slow, newton, two_point, 1),
          line("Euler, 3-point, Newton", Euler{}, slow, newton, three_point, 1),
          line("Platen, normal, Newton", Platen{}, ito, newton, gaussian, 2),
          line("Platen, 3-point, Newton", Platen{}, ito, newton, three_point, 2),
          line("Platen, 3-point, Phi", Platen{}, ito, flow, three_point, 2),
          extrapolated("Talay-Tubaro, normal", gaussian, 2),
          extrapolated("Talay-Tubaro, 3-point", three_point, 2),
          line("control: Platen, 2-point", Platen{}, ito, newton, two_point, 1),
          line("control: Platen, uncorrected drift", Platen{}, uncorrected_field(loss), newton, three_point, 1),
          extrapolated("control: Talay-Tubaro, 2-point", two_point, 1)};
}

template <class L>
void expect_orders(const Curve<L>& curve) {
  const Eigen::VectorXd exact = backward_equation(curve);
  for (const auto& line : table(curve)) {
    std::vector<double> step_sizes, errors;
    for (const int steps : {32, 64, 128}) {
      step_sizes.push_back(kSlowTime / steps);
      errors.push_back((line.expectation(steps) - exact).cwiseAbs().maxCoeff());
    }
    const double order = fit_order(step_sizes, errors).slope;
    std::printf("%-8s %-36s %10.2e %10.2e %10.2e  order %.3f\n", curve.name, line.name.c_str(), errors[0], errors[1],
                errors[2], order);
    EXPECT_NEAR(order, line.expected, 0.15) << line.name;
    EXPECT_EQ(line.name.starts_with("control"), line.expected != line.declared) << line.name;
  }
}

const Curve<Circle> kOnCircle{"circle", kCircle, 1, 1};
const Curve<Ellipsoid<2>> kOnEllipse{"ellipse", kEllipse, 1.25, 0.8};

// T5 of the theory: the reference by a tridiagonal Galerkin method, the errors computed with another program
TEST(Schemes, AndTheirReferenceGiveThePublishedNumbersOnTheCircle) {
  constexpr double kGalerkin = -0.459586965521;
  EXPECT_NEAR(backward_equation(kOnCircle)[0], kGalerkin, 1e-10);
  const auto euler = [](int steps) {
    const auto slow = slow_coefficient_field(kCircle, kCircle, kWeights);
    return expectation(kOnCircle, Euler{}, slow, newton_retraction(kCircle), atoms_of(NoiseLaw::gaussian), steps)[0];
  };
  EXPECT_NEAR(euler(32) - kGalerkin, -0.004886, 1e-6);
  EXPECT_NEAR(euler(128) - kGalerkin, -0.001304, 1e-6);
  EXPECT_NEAR(2 * euler(128) - euler(64) - kGalerkin, -5.9e-5, 1e-6);
}

TEST(Schemes, HaveTheirDeclaredWeakOrderOnTheCircle) { expect_orders(kOnCircle); }
TEST(Schemes, HaveTheirDeclaredWeakOrderOnTheEllipse) { expect_orders(kOnEllipse); }

/// Brownian motion on the unit sphere of R^Dim, whose columns of noise do not commute.
template <int Dim>
const Ellipsoid<Dim> kSphere{Vec<Dim>::Constant(3, 2.0), Vec<Dim>::Constant(3, 1.0)};
const Vec<3> kOnSphere = Vec<3>(0.5, -0.3, 0.7).normalized();

// A spherical harmonic of degree l decays as e^{-l(l+1)t/2}; the error of one step has order p + 1.
TEST(Schemes, HaveTheirLocalOrderOnTheSphere) {
  const auto& sphere = kSphere<3>;
  const auto harmonic = [](const Vec<3>& x) { return x[0] * x[1] + x[0] * x[2]; };
  const auto local_order = [&](const char* name, const auto& scheme, const auto& coefficients, bool area_signs) {
    std::vector<double> step_sizes, errors;
    for (const double h : {0.02, 0.01, 0.005}) {
      double mean = 0;
      for (const auto& [probability, noise] : outcomes<3>(atoms_of(NoiseLaw::three_point), area_signs)) {
        const auto next = scheme(coefficients, newton_retraction(sphere), kOnSphere, h, noise);
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
  EXPECT_NEAR(local_order("Euler", Euler{}, slow, false), Euler::weak_order + 1, 0.2);
  EXPECT_NEAR(local_order("Platen", Platen{}, ito, true), Platen::weak_order + 1, 0.2);
  EXPECT_NEAR(local_order("control: Platen without areas", Platen{}, ito, false), 2.0, 0.2);
}

TEST(Schemes, DoNotDependOnWhetherTheDimensionIsKnownWhenCompiling) {
  const auto step = []<int Dim>(const Ellipsoid<Dim>& sphere) {
    const auto noise = draw_step_noise<Dim>(NoiseLaw::gaussian, 1, 2, 3, 3);
    const auto ito = ito_coefficient_field(sphere, sphere, kWeights);
    return Vec<3>(Platen{}(ito, newton_retraction(sphere), Vec<Dim>(kOnSphere), 0.01, noise).point);
  };
  EXPECT_LT((step(kSphere<3>) - step(kSphere<Eigen::Dynamic>)).norm(), 1e-7);
}

TEST(TalayTubaro, CoupledPathsHaveTheMeanOfTheirExactPropagation) {
  const auto slow = slow_coefficient_field(kCircle, kCircle, kWeights);
  const auto newton = newton_retraction(kCircle);
  const auto law = NoiseLaw::three_point;
  const int steps = 16;
  const auto cosine = [](const Vec<2>& x) { return x[0] * x[0] - x[1] * x[1]; };
  ExtrapolationOptions options{kSlowTime / steps, steps, 6000, 11, law};
  const auto [mean, left] = extrapolated_mean(slow, newton, kOnCircle.point(kStart), options, cosine);
  const double expected = 2 * expectation(kOnCircle, Euler{}, slow, newton, atoms_of(law), 2 * steps)[0] -
                          expectation(kOnCircle, Euler{}, slow, newton, halves_of(law), steps)[0];
  std::printf("Talay-Tubaro %.5f +- %.5f, propagated %.5f\n", mean.mean, mean.standard_error, expected);
  EXPECT_EQ(left, 0);
  EXPECT_NEAR(mean.mean, expected, 4 * mean.standard_error);
  EXPECT_LT(mean.standard_error, 0.01);  // independent levels: sqrt(5 * 0.37 / 6000) = 0.0176
  options.law = NoiseLaw::two_point;
  EXPECT_THROW(extrapolated_mean(slow, newton, kOnCircle.point(kStart), options, cosine), ConfigError);
}

// A tangent step of h ends O(h^2) above its foot on the manifold, and from there both are the foot up to O(h^4).
TEST(NewtonRetraction, DiffersFromPhiAtFourthOrderForTangentDisplacements) {
  const auto difference_order = [](const auto& loss, const Vec<2>& zeta, const Vec<2>& tangent) {
    std::vector<double> sizes, differences;
    for (const double h : {0.08, 0.04, 0.02}) {
      const Vec<2> x = zeta + h * tangent;
      const auto newton = project_by_newton(loss, zeta, x);
      const auto flow = project_by_gradient_flow(loss, x);
      EXPECT_TRUE(newton.converged && flow.converged);
      sizes.push_back(h);
      differences.push_back((newton.point - flow.point).norm());
    }
    std::printf("|Newton - Phi| %.2e %.2e %.2e\n", differences[0], differences[1], differences[2]);
    return fit_order(sizes, differences).slope;
  };
  const Hyperbola hyperbola{1.0};
  const Vec<2> on_hyperbola(std::exp(0.4), std::exp(-0.4));
  const Vec<2> on_ellipse = kOnEllipse.point(0.7);
  const Vec<2> along_ellipse = kOnEllipse.point(0.7 + std::numbers::pi / 2);
  EXPECT_NEAR(difference_order(hyperbola, on_hyperbola, Vec<2>(on_hyperbola[0], -on_hyperbola[1])), 4.0, 0.2);
  EXPECT_NEAR(difference_order(kEllipse, on_ellipse, along_ellipse), 4.0, 0.2);
  EXPECT_NEAR(difference_order(kEllipse, on_ellipse, kEllipse.slope(on_ellipse).normalized()), 2.0, 0.2);
}

// On the valley Phi(h, y) = (0, y - h^2/4), while Newton's first step already goes down by h^2: with noise across the
// manifold the drift would be four times too large.
TEST(NewtonRetraction, DiffersFromPhiAtSecondOrderForNormalDisplacements) {
  const Valley valley;
  const Vec<2> base(0.0, 0.3);
  for (const double h : {0.04, 0.02, 0.01}) {
    const auto newton = project_by_newton(valley, base, base + Vec<2>(h, 0));
    const auto flow = project_by_gradient_flow(valley, Vec<2>(base + Vec<2>(h, 0)));
    ASSERT_TRUE(newton.converged && flow.converged);
    EXPECT_NEAR((newton.point[1] - base[1]) / (h * h), -1.0, 3 * h);
    EXPECT_NEAR((flow.point[1] - base[1]) / (h * h), -0.25, 1e-4);
  }
}

TEST(NewtonRetraction, DoesNotMoveAPointOfTheManifoldAndReportsAPointOutOfReach) {
  const Circle circle;
  const auto stays = project_by_newton(circle, Vec<2>(1, 0), Vec<2>(1, 0));
  EXPECT_TRUE(stays.converged && stays.steps == 0);
  EXPECT_EQ(stays.point, Vec<2>(1, 0));
  EXPECT_FALSE(project_by_newton(circle, Vec<2>(1, 0), Vec<2>(0.1, 0)).converged);  // inside the inflection circle
  EXPECT_FALSE(project_by_newton(circle, Vec<2>(1, 0), Vec<2>(NAN, 0)).converged);
}

TEST(NoiseLaw, DrawsHaveTheMomentsThatTheLawClaims) {
  constexpr int kDraws = 100000;
  for (const auto law : {NoiseLaw::gaussian, NoiseLaw::two_point, NoiseLaw::three_point})
    for (int power = 1; power <= 5; ++power) {
      RunningMoments moments;
      for (int step = 0; step < kDraws; ++step)
        moments.add(std::pow(draw_step_noise<2>(law, 5, 3, step).increments[1], power));
      const bool matched = power <= 3 || law != NoiseLaw::two_point;
      const double fourth = matched ? 3.0 : 1.0;
      const double expected = power % 2 == 1 ? 0.0 : power == 2 ? 1.0 : fourth;
      EXPECT_NEAR(moments.mean(), expected, 4 * moments.estimate().standard_error + 1e-12)
          << power << " of law " << static_cast<int>(law);
    }
}

TEST(NoiseLaw, AreaSignsAreFairAntisymmetricAndIndependentOfTheIncrements) {
  RunningMoments mean, product, pair;
  for (int step = 0; step < 20000; ++step) {
    const auto noise = draw_step_noise<20>(NoiseLaw::two_point, 5, 0, step);  // 190 signs: two draws
    EXPECT_EQ(noise.area_signs, -noise.area_signs.transpose());
    mean.add(noise.area_signs(18, 19));
    product.add(noise.area_signs(0, 1) * noise.increments[0] * noise.increments[1]);
    pair.add(noise.area_signs(0, 1) * noise.area_signs(18, 19));
  }
  for (const auto& moments : {mean, product, pair}) EXPECT_NEAR(moments.mean(), 0.0, 4 / std::sqrt(20000.0));
}

TEST(NoiseLaw, NormalIncrementsAreThoseOfTheNamedDraw) {
  float z[4];
  normals({7, Use::sde_noise, 2, 9, 1}, z);
  EXPECT_EQ(draw_step_noise<6>(NoiseLaw::gaussian, 7, 2, 9).increments[5], static_cast<double>(z[1]));
}

}  // namespace
}  // namespace quasar
