#pragma once

#include <cmath>
#include <numbers>

#include "core/elementary.h"
#include "core/loss.h"

namespace quasar {

/// A valley whose width is periodic along its floor, with noise along it too: a stationary law that tells m.
///
///   L(x, y) = l(y) x^2/2, l = e^(-cos y);   S = diag(sx2, sy2);   tan(Phi_y/2) = e^(-x^2/4) tan(y/2), Phi_x = 0
///                                                                                this project's toy T3 (derived)
///
/// Along the flow dy/dx = (ln l)' x/2 = x sin(y)/2, hence Phi. The Slow SDEs of Gu et al. 2024 (arXiv:2310.14423),
/// Defs. 3.1-3.3, become dy = -(sx2/4) m(2 eta H l(y)) sin y dt + sqrt(sy2) dW. For SGD (m = 1) and the Quadratic
/// Synchronization Rule (m = K) the stationary law of y mod 2 pi is von Mises, density ~ e^(kappa cos y).
struct PeriodicValley {
  static constexpr int dim = 2;
  static constexpr int noise_dim = 2;

  double noise_scale_x = 1.0;  ///< sqrt(sx2), across
  double noise_scale_y = 1.0;  ///< sqrt(sy2), along

  template <class Real>
  QUASAR_HD void gradient(const Real* x, Real* g) const {
    Real sine, cosine;
    sine_cosine(x[1], sine, cosine);
    const Real slope = exponential(-cosine) * x[0];
    g[0] = slope;
    g[1] = Real(0.5) * sine * slope * x[0];
  }

  template <class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g) const {
    gradient(x, g);
    g[0] = fused_multiply_add(static_cast<Real>(noise_scale_x), noise[0], g[0]);
    g[1] = fused_multiply_add(static_cast<Real>(noise_scale_y), noise[1], g[1]);
  }

  double value(const Vec<2>& x) const { return 0.5 * std::exp(-std::cos(x[1])) * x[0] * x[0]; }
  Vec<2> gradient(const Vec<2>& x) const {
    Vec<2> g;
    gradient(x.data(), g.data());
    return g;
  }
  Mat<2> hessian(const Vec<2>& x) const {
    const double s = std::sin(x[1]), c = std::cos(x[1]), mixed = s * x[0];
    Mat<2> h;
    h << 1.0, mixed, mixed, 0.5 * (c + s * s) * x[0] * x[0];
    return std::exp(-c) * h;
  }
  Vec<2> third_derivative(const Vec<2>& x, const Mat<2>& m) const {
    const double s = std::sin(x[1]), c = std::cos(x[1]), mixed = m(0, 1) + m(1, 0);
    const double xyy = (c + s * s) * x[0], yyy = 0.5 * s * (3 * c + s * s - 1) * x[0] * x[0];
    return std::exp(-c) * Vec<2>(s * mixed + xyy * m(1, 1), s * m(0, 0) + xyy * mixed + yyy * m(1, 1));
  }
  Mat<2> covariance(const Vec<2>&) const {
    return Vec<2>(noise_scale_x * noise_scale_x, noise_scale_y * noise_scale_y).asDiagonal();
  }
  Vec<2> project(const Vec<2>& x) const {
    const double angle = std::remainder(x[1], 2 * std::numbers::pi);
    return {0.0, x[1] - angle + 2 * std::atan(std::exp(-0.25 * x[0] * x[0]) * std::tan(0.5 * angle))};
  }

  /// kappa = m sx2/(2 sy2) of the stationary law, for a constant drift multiplier m (1: SGD, K: QSR).
  double concentration(double multiplier) const {
    return 0.5 * multiplier * noise_scale_x * noise_scale_x / (noise_scale_y * noise_scale_y);
  }
  /// E cos y = I_1(kappa)/I_0(kappa) of the stationary law.
  double mean_cosine(double multiplier) const {
    const double kappa = concentration(multiplier);
    return std::cyl_bessel_i(1.0, kappa) / std::cyl_bessel_i(0.0, kappa);
  }
};

}  // namespace quasar
