#pragma once

#include <cmath>

#include "toy_models/jet_landscape.h"

/// An example of a landscape of one's own: two formulas, and everything else through jets.
namespace quasar {

/// Minimisers on the parabola y = x^2/2, with isotropic noise.
///
///   L(x, y) = (y - x^2/2)^2/2,   S = s2 I
///
/// Phi: the flow goes along dx/dy = -x and keeps x e^y, so Phi_x^2 is the root of s e^s = x^2 e^(2y) (optional: only
/// ensembles of Local SGD need Phi in closed form, the Slow SDE follows the gradient flow).
struct MyFormulas {
  static constexpr int noise_dim = 2;

  double noise_scale = 1.0;  ///< sqrt(s2)

  template <class Real>
  QUASAR_HD Real value(const Real* x) const {
    const Real height = x[1] - 0.5 * x[0] * x[0];
    return 0.5 * height * height;
  }
  template <class Real>
  QUASAR_HD void add_noise(const Real*, const Real* noise, Real* g) const {
    for (int i = 0; i < 2; ++i) g[i] += static_cast<Real>(noise_scale) * noise[i];
  }
  Vec<2> project(const Vec<2>& x) const {
    const double product = x[0] * x[0] * std::exp(2 * x[1]);
    if (product == 0.0) return Vec<2>::Zero();
    double s = product / (1 + product);  // left of the root of a concave function: Newton's method ascends to it
    for (int i = 0; i < 100; ++i) {
      const double step = (std::log(product / s) - s) / (1 + 1 / s);
      s += step;
      if (!(std::abs(step) > 1e-15 * s)) break;
    }
    return {std::copysign(std::sqrt(s), x[0]), 0.5 * s};
  }
};

using MyLandscape = JetLandscape<MyFormulas, 2>;

}  // namespace quasar
