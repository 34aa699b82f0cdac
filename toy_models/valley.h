#pragma once

#include "core/elementary.h"
#include "core/loss.h"

namespace quasar {

/// A valley that gets wider downhill: the drift goes down along its floor Gamma = {x = 0}.
///
///   L(x, y) = e^y x^2 / 2,   S = diag(s2, 0),   Phi(x, y) = (0, y - x^2/4)       this project's toy T1 (derived)
///
/// The Slow SDEs of Gu et al. 2024 (arXiv:2310.14423), Defs. 3.1-3.3, become dy = -(s2/4) m(2 eta H e^y) dt with
/// m = 1 (SGD), 1 + (K - 1) psi (H = beta/eta), K (Quadratic Synchronization Rule).
struct Valley {
  static constexpr int dim = 2;
  static constexpr int noise_dim = 1;

  double noise_scale = 1.0;  ///< standard deviation sqrt(s2) of the batch gradient's noise across the valley

  template <class Real>
  QUASAR_HD void gradient(const Real* x, Real* g) const {
    const Real slope = exponential(x[1]) * x[0];
    g[0] = slope;
    g[1] = Real(0.5) * slope * x[0];
  }

  template <class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g) const {
    gradient(x, g);
    g[0] = fused_multiply_add(static_cast<Real>(noise_scale), noise[0], g[0]);
  }

  double value(const Vec<2>& x) const { return 0.5 * exponential(x[1]) * x[0] * x[0]; }
  Vec<2> gradient(const Vec<2>& x) const {
    Vec<2> g;
    gradient(x.data(), g.data());
    return g;
  }
  Mat<2> hessian(const Vec<2>& x) const {
    Mat<2> h;
    h << 1.0, x[0], x[0], 0.5 * x[0] * x[0];
    return exponential(x[1]) * h;
  }
  Vec<2> third_derivative(const Vec<2>& x, const Mat<2>& s) const {
    const double along = s(0, 1) + s(1, 0) + x[0] * s(1, 1);
    const double down = s(0, 0) + x[0] * (s(0, 1) + s(1, 0)) + 0.5 * x[0] * x[0] * s(1, 1);
    return exponential(x[1]) * Vec<2>(along, down);
  }
  Mat<2> covariance(const Vec<2>&) const { return Vec<2>(noise_scale * noise_scale, 0.0).asDiagonal(); }
  Vec<2> project(const Vec<2>& x) const { return {0.0, x[1] - 0.25 * x[0] * x[0]}; }
};

}  // namespace quasar
