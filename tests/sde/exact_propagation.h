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

/// Weak errors on one-dimensional manifolds without any sampling: E f(zeta_n) by propagating functions on a
/// trigonometric grid, and its limit by the backward equation.
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
};

constexpr int kNodes = 48;
inline double node(int i) { return kStart + std::numbers::pi * i / kNodes; }

/// Values on the grid of the trigonometric interpolant's cardinal functions (even number of nodes), at angle phi.
inline Eigen::RowVectorXd cardinal(double phi) {
  Eigen::RowVectorXd row(kNodes);
  for (int j = 0; j < kNodes; ++j) {
    const double x = phi - node(j), sine = std::sin(x);
    row[j] = std::abs(sine) < 1e-12 ? 1.0 : std::sin(kNodes * x) * std::cos(x) / (kNodes * sine);
  }
  return row;
}

inline Eigen::VectorXd cos_2_phi() {
  return Eigen::VectorXd::NullaryExpr(kNodes, [](Eigen::Index i) { return std::cos(2 * node(static_cast<int>(i))); });
}

/// E cos 2 phi at slow time 0.5 from each node, independent of every scheme: the backward equation
/// u_t = mu u' + D u''/2 by Fourier collocation and RK4.
inline Eigen::VectorXd backward_equation(const Curve& curve) {
  Eigen::VectorXd mu(kNodes), half_d(kNodes);
  for (int i = 0; i < kNodes; ++i) {  // Ito's formula for phi(x) on the curve
    const Vec<2> zeta = curve.point(node(i));
    const auto ito = curve.ito(zeta);
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

/// Atoms of a law in one dimension; the normal law by the Gauss-Hermite rule with eight nodes.
struct Atom {
  double x, weight;
};
inline std::vector<Atom> atoms_of(NoiseLaw law) {
  if (law == NoiseLaw::two_point) return {{-1, 0.5}, {1, 0.5}};
  if (law == NoiseLaw::three_point) return {{-std::sqrt(3.0), 1.0 / 6}, {0, 2.0 / 3}, {std::sqrt(3.0), 1.0 / 6}};
  constexpr int kHermite = 8;
  Eigen::MatrixXd jacobi = Eigen::MatrixXd::Zero(kHermite, kHermite);
  for (int i = 1; i < kHermite; ++i) jacobi(i, i - 1) = jacobi(i - 1, i) = std::sqrt(i);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(jacobi);
  std::vector<Atom> atoms;
  for (int i = 0; i < kHermite; ++i) atoms.push_back({eigen.eigenvalues()[i], std::pow(eigen.eigenvectors()(0, i), 2)});
  return atoms;
}

/// The law of sum_of_halves.
inline std::vector<Atom> halves_of(NoiseLaw law) {
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

/// E cos 2 phi from each node after n steps: u_{k+1}(phi) = E u_k(phi') on the grid.
template <class Scheme, class Coefficients>
Eigen::VectorXd expectation(const Curve& curve, const Scheme& scheme, const Coefficients& coefficients,
                            const Curve::Retraction& retraction, const std::vector<Atom>& atoms, int steps) {
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

/// The same of Talay and Tubaro's extrapolation, each level by itself.
inline Eigen::VectorXd extrapolated_expectation(const Curve& curve, const Curve::Retraction& retraction, NoiseLaw law,
                                                int steps) {
  return 2 * expectation(curve, Euler{}, curve.slow, retraction, atoms_of(law), 2 * steps) -
         expectation(curve, Euler{}, curve.slow, retraction, halves_of(law), steps);
}

}  // namespace quasar
