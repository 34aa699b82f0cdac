#pragma once

#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "sde/noise_law.h"
#include "sde/platen_scheme.h"
#include "sde/schemes.h"
#include "sde/talay_tubaro.h"
#include "tests/sde/transition_operator.h"

/// Weak errors on the circle and ellipses without any sampling: expectations by the steps' transition operators, and their
/// limits by the backward equation.
namespace quasar {

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

inline const DriftWeights kWeights{drift_weights::Quadratic{}, 3};
constexpr double kStart = 0.6, kSlowTime = 0.5;

/// A manifold (p cos phi, q sin phi) with its Slow SDE; all that happens on it here has the period pi in phi.
struct Curve {
  using Retraction = std::function<Projection<2>(const Vec<2>&, const Vec<2>&)>;
  std::string name;
  double p, q;
  std::function<SlowCoefficients<2>(const Vec<2>&)> slow;
  std::function<ItoCoefficients<2>(const Vec<2>&)> ito;
  std::vector<std::pair<std::string, Retraction>> retractions;

  /// The loss must outlive it.
  template <class L>
  static Curve of(std::string name, const L& loss, double p, double q) {
    return {std::move(name),
            p,
            q,
            slow_coefficient_field(loss, loss, kWeights),
            ito_coefficient_field(loss, loss, kWeights),
            {{"Phi", gradient_flow_retraction(loss)},
             {"Newton", newton_retraction(loss)},
             {"orthographic", orthographic_retraction(loss)}}};
  }
  Vec<2> point(double phi) const { return {p * std::cos(phi), q * std::sin(phi)}; }
  double angle(const Vec<2>& x) const { return std::atan2(x[1] / q, x[0] / p); }
  /// It must outlive this.
  ManifoldCurve<2> manifold() const {
    return {[this](double phi) { return point(phi); },
            [this](double phi) { return Vec<2>(-p * std::sin(phi), q * std::cos(phi)); },
            [this](double phi) { return Vec<2>(-point(phi)); }, [this](const Vec<2>& x) { return angle(x); }};
  }
};

/// Everything here has the period pi.
inline const SpectralGrid kGrid = periodic_grid(kStart, std::numbers::pi, 48);

/// The observables, a column each: one harmonic, and one that has them all.
inline const std::vector<std::string> kObservables = {"cos 2 phi", "exp sin 2 phi"};
inline Eigen::MatrixXd observables() {
  Eigen::MatrixXd values(kGrid.nodes.size(), 2);
  values.col(0) = kGrid.values([](double phi) { return std::cos(2 * phi); });
  values.col(1) = kGrid.values([](double phi) { return std::exp(std::sin(2 * phi)); });
  return values;
}

/// Their expectations at slow time 0.5 from each node, independent of every scheme.
inline Eigen::MatrixXd backward_equation(const Curve& curve) {
  const auto manifold = curve.manifold();
  const CoordinateField field = [&](double phi) {
    return coordinate_coefficients(manifold, curve.slow(curve.point(phi)), phi);
  };
  return expectation(kGrid, field, observables(), kSlowTime);
}

/// The same after n steps of a scheme.
template <class Scheme, class Coefficients>
Eigen::MatrixXd expectation(const Curve& curve, const Scheme& scheme, const Coefficients& coefficients,
                            const Curve::Retraction& retraction, const QuadratureRule& increment, int steps) {
  const Eigen::MatrixXd transition =
      transition_operator(kGrid, curve.manifold(), scheme, coefficients, retraction, increment, kSlowTime / steps);
  Eigen::MatrixXd u = observables();
  for (int k = 0; k < steps; ++k) u = transition * u;
  return u;
}

/// The same of Talay and Tubaro's extrapolation, each level by itself.
inline Eigen::MatrixXd extrapolated_expectation(const Curve& curve, const Curve::Retraction& retraction, NoiseLaw law,
                                                int steps) {
  return 2 * expectation(curve, Euler{}, curve.slow, retraction, atoms_of(law), 2 * steps) -
         expectation(curve, Euler{}, curve.slow, retraction, halves_of(law), steps);
}

}  // namespace quasar
