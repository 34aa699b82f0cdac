#pragma once

#include <cmath>

#include "core/elementary.h"
#include "core/loss.h"

namespace quasar {

/// Minimisers on an ellipse: steepness, curvature and noise all change along it.
///
///   L(x) = (lambda/2) g^2,   g = (x^2/p^2 + y^2/q^2 - 1)/2,   S = diag(a2, b2)      made for this project (derived)
///
/// Phi: the flow is dx_i/ds = -lambda g c_i x_i, c = (1/p^2, 1/q^2), so Phi_i = x_i e^(-c_i T) where T is the root of
/// sum_i c_i x_i^2 e^(-2 c_i T) = 1, the logarithm of which is convex and decreasing in T.
///
/// In the angle phi of (p cos phi, q sin phi), with l = sqrt(p^2 sin^2 + q^2 cos^2) the arc length per angle, the
/// Hessian's eigenvalue is L = lambda l^2/(pq)^2 and the Slow SDEs of Gu et al. 2024 (arXiv:2310.14423), Defs. 3.1-3.3,
/// become  d phi = [v/l - S_tt l'/(2 l^3)] dt + sqrt(S_tt)/l dW  with the speed along the curve
///   v = -m(L + L) S_nn l'/(2 l^2) - m(L) S_nt pq/l^3,   m(s) = 1, 1 + (K - 1) psi(eta H s), K.
/// The first part of v is D3L(n, n, t) = dL/d(arc) acting on S_nn/(2L), the second D3L(n, t, t) = L times the curvature
/// pq/l^3 acting on S_nt/L; on arc length the exponential map adds nothing, and the change to phi adds the Ito term.
/// With isotropic noise and constant m the stationary density of phi is ~ l^(1 - m): SGD is uniform in phi.
/// Not checked: that x is not the origin, which has no projection.
struct Ellipse {
  static constexpr int dim = 2;
  static constexpr int noise_dim = 2;

  double stiffness = 4.0;      ///< lambda
  double semi_axis_x = 1.25;   ///< p
  double semi_axis_y = 0.8;    ///< q
  double noise_scale_x = 1.0;  ///< sqrt(a2)
  double noise_scale_y = 1.0;  ///< sqrt(b2)

  template <class Real>
  QUASAR_HD void gradient(const Real* x, Real* g) const {
    const Real slope_x = static_cast<Real>(1 / (semi_axis_x * semi_axis_x)) * x[0];
    const Real slope_y = static_cast<Real>(1 / (semi_axis_y * semi_axis_y)) * x[1];
    const Real twice_level = fused_multiply_add(slope_x, x[0], fused_multiply_add(slope_y, x[1], Real(-1)));
    const Real pull = static_cast<Real>(0.5 * stiffness) * twice_level;
    g[0] = pull * slope_x;
    g[1] = pull * slope_y;
  }

  template <class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g) const {
    gradient(x, g);
    g[0] = fused_multiply_add(static_cast<Real>(noise_scale_x), noise[0], g[0]);
    g[1] = fused_multiply_add(static_cast<Real>(noise_scale_y), noise[1], g[1]);
  }

  double value(const Vec<2>& x) const { return 0.5 * stiffness * level(x) * level(x); }
  Vec<2> gradient(const Vec<2>& x) const {
    Vec<2> g;
    gradient(x.data(), g.data());
    return g;
  }
  Mat<2> hessian(const Vec<2>& x) const {
    const Vec<2> slope = bending().cwiseProduct(x);
    return stiffness * (slope * slope.transpose() + level(x) * Mat<2>(bending().asDiagonal()));
  }
  Vec<2> third_derivative(const Vec<2>& x, const Mat<2>& s) const {
    const Vec<2> c = bending(), slope = c.cwiseProduct(x);
    return stiffness * (slope * c.dot(s.diagonal()) + c.cwiseProduct((s + s.transpose()) * slope));
  }
  Mat<2> covariance(const Vec<2>&) const {
    return Vec<2>(noise_scale_x * noise_scale_x, noise_scale_y * noise_scale_y).asDiagonal();
  }
  /// By Newton's method on the logarithm above, which converges from every start.
  Vec<2> project(const Vec<2>& x) const {
    const Vec<2> c = bending();
    double time = 0.0;
    Vec<2> point = x;
    for (int i = 0; i < 100; ++i) {
      const Vec<2> terms = c.cwiseProduct(point.cwiseAbs2());
      const double step = std::log(terms.sum()) * terms.sum() / (2 * c.dot(terms));
      time += step;
      point = (-time * c).array().exp() * x.array();
      if (!(std::abs(step) > 1e-15)) break;
    }
    return point;
  }

  Vec<2> point(double angle) const { return {semi_axis_x * std::cos(angle), semi_axis_y * std::sin(angle)}; }
  double angle(const Vec<2>& x) const { return std::atan2(x[1] / semi_axis_y, x[0] / semi_axis_x); }
  /// The Hessian's eigenvalue across the ellipse at a point of it.
  double steepness(double angle) const {
    const double speed = frame(angle).speed;
    return stiffness * speed * speed / std::pow(semi_axis_x * semi_axis_y, 2);
  }
  /// Drift of phi, from the drift multipliers m(L + L) of the normal pair and m(L) of the mixed one.
  double drift_of_angle(double angle, double normal_multiplier, double mixed_multiplier) const {
    const auto [l, dl, s_nn, s_nt, s_tt] = frame(angle);
    const double along = -normal_multiplier * s_nn * dl / (2 * l * l) -
                         mixed_multiplier * s_nt * semi_axis_x * semi_axis_y / (l * l * l);
    return along / l - s_tt * dl / (2 * l * l * l);
  }
  /// Coefficient of dW in d phi.
  double diffusion_of_angle(double angle) const {
    const auto at = frame(angle);
    return std::sqrt(at.tangent_noise) / at.speed;
  }

 private:
  struct Frame {
    double speed, speed_slope;                        ///< l, dl/dphi
    double normal_noise, mixed_noise, tangent_noise;  ///< S_nn, S_nt, S_tt
  };
  Frame frame(double angle) const {
    const double s = std::sin(angle), c = std::cos(angle), p = semi_axis_x, q = semi_axis_y;
    const double a2 = noise_scale_x * noise_scale_x, b2 = noise_scale_y * noise_scale_y;
    const double square = p * p * s * s + q * q * c * c, speed = std::sqrt(square);
    return {speed, s * c * (p * p - q * q) / speed, (a2 * q * q * c * c + b2 * p * p * s * s) / square,
            p * q * s * c * (b2 - a2) / square, (a2 * p * p * s * s + b2 * q * q * c * c) / square};
  }
  Vec<2> bending() const { return {1 / (semi_axis_x * semi_axis_x), 1 / (semi_axis_y * semi_axis_y)}; }
  double level(const Vec<2>& x) const { return 0.5 * (bending().dot(x.cwiseAbs2()) - 1.0); }
};

}  // namespace quasar
