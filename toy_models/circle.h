#pragma once

#include "core/elementary.h"
#include "core/loss.h"

namespace quasar {

/// Minimisers on the unit circle, with more noise along one axis than along the other.
///
///   L(x) = (lambda/8) (|x|^2 - 1)^2,   S = diag(a2, b2),   Phi(x) = x / |x|      this project's toy T5 (derived)
///
/// The Slow SDEs of Gu et al. 2024 (arXiv:2310.14423), Defs. 3.1-3.3, become for the angle phi, with
/// D = a2 sin^2 phi + b2 cos^2 phi:  dphi = (m(eta H lambda)/2) D' dt + sqrt(D) dW, of stationary density ~ D^(m-1).
/// Not checked: that x is not the origin, which has no projection.
struct Circle {
  static constexpr int dim = 2;
  static constexpr int noise_dim = 2;

  double stiffness = 4.0;      ///< lambda, the Hessian's eigenvalue across the circle
  double noise_scale_x = 1.0;  ///< sqrt(a2)
  double noise_scale_y = 1.0;  ///< sqrt(b2)

  template <class Real>
  QUASAR_HD void gradient(const Real* x, Real* g) const {
    const Real excess = fused_multiply_add(x[0], x[0], fused_multiply_add(x[1], x[1], Real(-1)));
    const Real pull = static_cast<Real>(0.5 * stiffness) * excess;
    g[0] = pull * x[0];
    g[1] = pull * x[1];
  }

  template <class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g) const {
    gradient(x, g);
    g[0] = fused_multiply_add(static_cast<Real>(noise_scale_x), noise[0], g[0]);
    g[1] = fused_multiply_add(static_cast<Real>(noise_scale_y), noise[1], g[1]);
  }

  double value(const Vec<2>& x) const {
    const double excess = x.squaredNorm() - 1.0;
    return 0.125 * stiffness * excess * excess;
  }
  Vec<2> gradient(const Vec<2>& x) const {
    Vec<2> g;
    gradient(x.data(), g.data());
    return g;
  }
  Mat<2> hessian(const Vec<2>& x) const {
    return stiffness * (0.5 * (x.squaredNorm() - 1.0) * Mat<2>::Identity() + x * x.transpose());
  }
  Vec<2> third_derivative(const Vec<2>& x, const Mat<2>& s) const {
    return stiffness * ((s + s.transpose()) * x + s.trace() * x);
  }
  Mat<2> covariance(const Vec<2>&) const {
    return Vec<2>(noise_scale_x * noise_scale_x, noise_scale_y * noise_scale_y).asDiagonal();
  }
  Vec<2> project(const Vec<2>& x) const { return x.normalized(); }
};

}  // namespace quasar
