#pragma once

#include <cmath>

#include "core/elementary.h"
#include "core/loss.h"

namespace quasar {

/// A river that is widest at y = 0: the noise across it drives a linear drift there, noise along it spreads the paths.
///
///   L(x, y) = l(y) x^2/2, l = l0 e^(a y^2);   S = diag(sx2, sy2);   Phi(x, y) = (0, y e^(-a x^2/2))
///                                                                                this project's toy T2 (derived)
///
/// Along the flow dy/dx = (ln l)' x/2 = a x y, hence Phi. The Slow SDEs of Gu et al. 2024 (arXiv:2310.14423),
/// Defs. 3.1-3.3, become dy = -k y dt + sqrt(sy2) dW, k = (a sx2/2) m(2 eta H l(y)): for SGD (m = 1) and the Quadratic
/// Synchronization Rule (m = K) an Ornstein-Uhlenbeck process.
struct River {
  static constexpr int dim = 2;
  static constexpr int noise_dim = 2;

  double stiffness = 1.0;      ///< l0
  double narrowing = 1.0;      ///< a
  double noise_scale_x = 1.0;  ///< sqrt(sx2), across
  double noise_scale_y = 0.5;  ///< sqrt(sy2), along

  template <class Real>
  QUASAR_HD void gradient(const Real* x, Real* g) const {
    const Real bend = static_cast<Real>(narrowing) * x[1];
    const Real slope = static_cast<Real>(stiffness) * exponential(bend * x[1]) * x[0];
    g[0] = slope;
    g[1] = bend * slope * x[0];
  }

  template <class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g) const {
    gradient(x, g);
    g[0] = fused_multiply_add(static_cast<Real>(noise_scale_x), noise[0], g[0]);
    g[1] = fused_multiply_add(static_cast<Real>(noise_scale_y), noise[1], g[1]);
  }

  double stiffness_at(double y) const { return stiffness * exponential(narrowing * y * y); }
  double value(const Vec<2>& x) const { return 0.5 * stiffness_at(x[1]) * x[0] * x[0]; }
  Vec<2> gradient(const Vec<2>& x) const {
    Vec<2> g;
    gradient(x.data(), g.data());
    return g;
  }
  Mat<2> hessian(const Vec<2>& x) const {
    const double a = narrowing, mixed = 2 * a * x[1] * x[0];
    Mat<2> h;
    h << 1.0, mixed, mixed, a * x[0] * x[0] * (1 + 2 * a * x[1] * x[1]);
    return stiffness_at(x[1]) * h;
  }
  Vec<2> third_derivative(const Vec<2>& x, const Mat<2>& s) const {
    const double a = narrowing, mixed = s(0, 1) + s(1, 0);
    const double xxy = 2 * a * x[1], xyy = 2 * a * x[0] * (1 + 2 * a * x[1] * x[1]);
    const double yyy = a * a * x[0] * x[0] * x[1] * (6 + 4 * a * x[1] * x[1]);
    return stiffness_at(x[1]) * Vec<2>(xxy * mixed + xyy * s(1, 1), xxy * s(0, 0) + xyy * mixed + yyy * s(1, 1));
  }
  Mat<2> covariance(const Vec<2>&) const {
    return Vec<2>(noise_scale_x * noise_scale_x, noise_scale_y * noise_scale_y).asDiagonal();
  }
  Vec<2> project(const Vec<2>& x) const { return {0.0, x[1] * std::exp(-0.5 * narrowing * x[0] * x[0])}; }

  /// k, the rate at which y returns to 0, for a constant drift multiplier m (1: SGD, K: QSR).
  double return_rate(double multiplier) const { return 0.5 * narrowing * noise_scale_x * noise_scale_x * multiplier; }
  /// E y = y0 e^(-k t) of the Slow SDE, of which the multiplier is constant.
  double mean_of_y(double start, double slow_time, double multiplier) const {
    return start * std::exp(-return_rate(multiplier) * slow_time);
  }
  /// Var y = sy2 (1 - e^(-2 k t)) / (2 k), of the same SDE; k > 0.
  double variance_of_y(double slow_time, double multiplier) const {
    const double k = return_rate(multiplier);
    return noise_scale_y * noise_scale_y * -std::expm1(-2 * k * slow_time) / (2 * k);
  }
};

}  // namespace quasar
