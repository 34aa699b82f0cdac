#pragma once

#include <cmath>

#include "core/elementary.h"
#include "core/loss.h"

namespace quasar {

/// Minimisers on the unit sphere, with isotropic noise: the negative control, on which averaging changes nothing.
///
///   L(x) = (lambda/8) (|x|^2 - 1)^2,   S = s2 I,   Phi(x) = x / |x|              this project's toy T6 (derived)
///
/// S has no block between normal and tangent and lambda is constant, so the drift of the Slow SDEs of Gu et al. 2024
/// (arXiv:2310.14423), Defs. 3.1-3.3, is 0 in all of them: what is left is Brownian motion on the sphere.
/// Not checked: that x is not the origin, which has no projection.
template <int Dim>
struct Sphere {
  static constexpr int dim = Dim;
  static constexpr int noise_dim = Dim;

  double stiffness = 4.0;    ///< lambda, the Hessian's eigenvalue across the sphere
  double noise_scale = 1.0;  ///< sqrt(s2)

  template <class Real>
  QUASAR_HD void gradient(const Real* x, Real* g) const {
    Real excess = Real(-1);
    for (int i = Dim - 1; i >= 0; --i) excess = fused_multiply_add(x[i], x[i], excess);
    const Real pull = static_cast<Real>(0.5 * stiffness) * excess;
    for (int i = 0; i < Dim; ++i) g[i] = pull * x[i];
  }

  template <class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g) const {
    gradient(x, g);
    for (int i = 0; i < Dim; ++i) g[i] = fused_multiply_add(static_cast<Real>(noise_scale), noise[i], g[i]);
  }

  double value(const Vec<Dim>& x) const {
    const double excess = x.squaredNorm() - 1.0;
    return 0.125 * stiffness * excess * excess;
  }
  Vec<Dim> gradient(const Vec<Dim>& x) const {
    Vec<Dim> g;
    gradient(x.data(), g.data());
    return g;
  }
  Mat<Dim> hessian(const Vec<Dim>& x) const {
    return stiffness * (0.5 * (x.squaredNorm() - 1.0) * Mat<Dim>::Identity() + x * x.transpose());
  }
  Vec<Dim> third_derivative(const Vec<Dim>& x, const Mat<Dim>& s) const {
    return stiffness * ((s + s.transpose()) * x + s.trace() * x);
  }
  Mat<Dim> covariance(const Vec<Dim>&) const { return noise_scale * noise_scale * Mat<Dim>::Identity(); }
  Vec<Dim> project(const Vec<Dim>& x) const { return x.normalized(); }

  /// E <zeta(0), zeta(t)> = e^(-(d-1) s2 t/2), in every regime.
  double mean_overlap(double slow_time) const {
    return std::exp(-0.5 * (Dim - 1) * noise_scale * noise_scale * slow_time);
  }
};

}  // namespace quasar
