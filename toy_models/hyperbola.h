#pragma once

#include <cmath>

#include "core/elementary.h"
#include "core/loss.h"

namespace quasar {

/// A two-layer linear network on one sample with label noise: minimisers on the hyperbola uv = 1.
///
///   L(u, v) = (uv - 1)^2 / 2,   S = s2 (v, u)(v, u)^T,   Phi keeps u^2 - v^2         this project's toy T7 (derived)
///
/// The noise is on the label, so it multiplies the gradient (v, u) of the output. On u = e^s, v = e^-s the Slow SDEs
/// of Gu et al. 2024 (arXiv:2310.14423) become ds = -(s2/2) tanh(2s) m(2 eta H 2cosh 2s) dt: SGD has
/// u^2 - v^2 = w0 e^(-s2 t), the Quadratic Synchronization Rule w0 e^(-K s2 t).
/// Not checked: that u + v is not 0; from there the flow ends in the saddle at the origin.
struct Hyperbola {
  static constexpr int dim = 2;
  static constexpr int noise_dim = 1;

  double noise_scale = 1.0;  ///< standard deviation sqrt(s2) of the label noise of the batch

  template <class Real>
  QUASAR_HD void gradient(const Real* x, Real* g) const {
    const Real residual = fused_multiply_add(x[0], x[1], Real(-1));
    g[0] = residual * x[1];
    g[1] = residual * x[0];
  }

  QUASAR_HD double noise_amplitude(int) const { return noise_scale; }

  template <class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g) const {
    const Real residual = noisy_residual(x, noise);
    g[0] = residual * x[1];
    g[1] = residual * x[0];
  }

  template <class Real>
  QUASAR_HD void noisy_step(const Real* x, const Real* noise, Real minus_learning_rate, Real* to) const {
    const Real move = minus_learning_rate * noisy_residual(x, noise);
    to[0] = fused_multiply_add(move, x[1], x[0]);
    to[1] = fused_multiply_add(move, x[0], x[1]);
  }

  double value(const Vec<2>& x) const {
    const double residual = x[0] * x[1] - 1.0;
    return 0.5 * residual * residual;
  }
  Vec<2> gradient(const Vec<2>& x) const {
    Vec<2> g;
    gradient(x.data(), g.data());
    return g;
  }
  Mat<2> hessian(const Vec<2>& x) const {
    const double mixed = 2.0 * x[0] * x[1] - 1.0;
    Mat<2> h;
    h << x[1] * x[1], mixed, mixed, x[0] * x[0];
    return h;
  }
  Vec<2> third_derivative(const Vec<2>& x, const Mat<2>& s) const {
    const double mixed = s(0, 1) + s(1, 0);
    return 2.0 * Vec<2>(x[1] * mixed + x[0] * s(1, 1), x[0] * mixed + x[1] * s(0, 0));
  }
  Mat<2> covariance(const Vec<2>& x) const {
    const Vec<2> output_gradient(x[1], x[0]);
    return noise_scale * noise_scale * output_gradient * output_gradient.transpose();
  }
  Vec<2> project(const Vec<2>& x) const {
    const double half = 0.5 * std::asinh(0.5 * (x[0] * x[0] - x[1] * x[1]));  // u^2 - v^2 = 2 sinh 2s
    const double sign = x[0] + x[1] < 0.0 ? -1.0 : 1.0;
    return {sign * std::exp(half), sign * std::exp(-half)};
  }

 private:
  template <class Real>
  QUASAR_HD static Real noisy_residual(const Real* x, const Real* noise) {
    return fused_multiply_add(x[0], x[1], Real(-1)) + noise[0];
  }
};

}  // namespace quasar
