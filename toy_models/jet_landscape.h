#pragma once

#include "core/jet_loss.h"

namespace quasar {

/// A landscape made of two formulas: the loss, and noise that is affine in its normals.
///
///   template <class Real> QUASAR_HD Real value(const Real* x) const
///   template <class Real> QUASAR_HD void add_noise(const Real* x, const Real* noise, Real* g) const
///   static constexpr int noise_dim
///
/// all in F, which also holds the parameters. With `project`, Phi in closed form, it is a Landscape for ensembles; the
/// Slow SDE does without. For results that are the same bits on every device take the functions of core/elementary.h.
///
/// cost  a gradient: one evaluation of the formula in Dim + 1 numbers
template <class F, int Dim>
struct JetLandscape : JetLoss<F, Dim> {
  static_assert(Dim != Eigen::Dynamic);
  using JetLoss<F, Dim>::gradient;

  template <class Real>
  QUASAR_HD void gradient(const Real* x, Real* g) const {
    Dual<Real, Dim> point[Dim];
    for (int i = 0; i < Dim; ++i) point[i] = Dual<Real, Dim>::variable(x[i], i);
    const Dual<Real, Dim> loss = F::value(static_cast<const Dual<Real, Dim>*>(point));
    for (int i = 0; i < Dim; ++i) g[i] = loss.slope[i];
  }

  template <class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g) const {
    gradient(x, g);
    F::add_noise(x, noise, g);
  }

  Mat<Dim> covariance(const Vec<Dim>& x) const {
    Mat<Dim> covariance = Mat<Dim>::Zero();
    for (int j = 0; j < F::noise_dim; ++j) {
      double noise[F::noise_dim] = {};
      noise[j] = 1.0;
      Vec<Dim> column = Vec<Dim>::Zero();
      F::add_noise(x.data(), static_cast<const double*>(noise), column.data());
      covariance += column * column.transpose();
    }
    return covariance;
  }
};

}  // namespace quasar
