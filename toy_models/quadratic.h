#pragma once

#include "core/elementary.h"
#include "core/loss.h"

namespace quasar {

/// A quadratic bowl, possibly flat along some axes, with additive noise: everything about it has a closed form.
///
///   L(x) = sum_i l_i x_i^2 / 2,   S = diag(s_i^2),   Phi(x)_i = x_i if l_i = 0, else 0   this project's toy T9 (derived)
///
/// For any schedule of H the average moves like batch SGD: E x_i <- g x_i, E x_i^2 <- g^2 E x_i^2 + eta^2 s_i^2 with
/// g = 1 - eta l_i.
/// Not checked: that the l_i >= 0.
template <int Dim>
struct Quadratic {
  static constexpr int dim = Dim;
  static constexpr int noise_dim = Dim;

  double eigenvalue[Dim];   ///< l_i
  double noise_scale[Dim];  ///< s_i

  template <class Real>
  QUASAR_HD void gradient(const Real* x, Real* g) const {
    for (int i = 0; i < Dim; ++i) g[i] = static_cast<Real>(eigenvalue[i]) * x[i];
  }

  template <class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g) const {
    gradient(x, g);
    for (int i = 0; i < Dim; ++i) g[i] = fused_multiply_add(static_cast<Real>(noise_scale[i]), noise[i], g[i]);
  }

  double value(const Vec<Dim>& x) const { return 0.5 * x.dot(gradient(x)); }
  Vec<Dim> gradient(const Vec<Dim>& x) const {
    Vec<Dim> g;
    gradient(x.data(), g.data());
    return g;
  }
  Mat<Dim> hessian(const Vec<Dim>&) const { return Eigen::Map<const Vec<Dim>>(eigenvalue).asDiagonal(); }
  Vec<Dim> third_derivative(const Vec<Dim>&, const Mat<Dim>&) const { return Vec<Dim>::Zero(); }
  Mat<Dim> covariance(const Vec<Dim>&) const {
    return Eigen::Map<const Vec<Dim>>(noise_scale).array().square().matrix().asDiagonal();
  }
  Vec<Dim> project(const Vec<Dim>& x) const {
    return (Eigen::Map<const Vec<Dim>>(eigenvalue).array() == 0.0).select(x, 0.0);
  }
};

}  // namespace quasar
