#pragma once

#include <string>

#include <Eigen/Dense>

#include "core/errors.h"
#include "core/loss.h"
#include "core/symmetric_eigen.h"

namespace quasar {

/// The Hessian's eigenbasis at a point of the manifold: first the modes along it, then those across.
template <int Dim>
struct HessianModes {
  Vec<Dim> lambda;           ///< ascending; exactly 0 for the tangent modes, (d)
  Mat<Dim> vectors;          ///< one mode a column, (d, d)
  Eigen::Index tangent_dim;  ///< dimension of the manifold

  auto tangent() const { return vectors.leftCols(tangent_dim); }
  Mat<Dim> tangent_projector() const { return tangent() * tangent().transpose(); }
  /// H^+ X for X of d rows: the inverse on the normal modes, 0 on the tangent ones.
  template <class Derived>
  typename Derived::PlainObject apply_inverse(const Eigen::MatrixBase<Derived>& x) const {
    const Vec<Dim> inverse = lambda.unaryExpr([](double l) { return l > 0.0 ? 1.0 / l : 0.0; });
    return vectors * (inverse.asDiagonal() * (vectors.transpose() * x));
  }
};

/// Splits the modes of a symmetric matrix at `rank_tolerance` times its largest eigenvalue.
///
/// throws  NumericalError if an eigenvalue is below -rank_tolerance times the largest, or not a number
/// cost    one d x d symmetric eigendecomposition
template <int Dim>
HessianModes<Dim> split_modes(const Mat<Dim>& hessian, double rank_tolerance) {
  const auto eigen = symmetric_eigen<Dim>(hessian);
  const double threshold = rank_tolerance * eigen.eigenvalues().cwiseAbs().maxCoeff();
  if (!(eigen.eigenvalues().minCoeff() >= -threshold))
    throw NumericalError("the Hessian has the eigenvalue " + std::to_string(eigen.eigenvalues().minCoeff()) +
                         " at a point that should be a minimiser");
  const Eigen::Index tangent_dim = (eigen.eigenvalues().array() <= threshold).count();
  HessianModes<Dim> modes{eigen.eigenvalues(), eigen.eigenvectors(), tangent_dim};
  modes.lambda.head(tangent_dim).setZero();
  return modes;
}

#define QUASAR_DECLARE(DIM) extern template HessianModes<DIM> split_modes<DIM>(const Mat<DIM>&, double);
QUASAR_FOR_EACH_DIMENSION(QUASAR_DECLARE)
#undef QUASAR_DECLARE

/// The modes of a loss at a point of the manifold, (d).                    Not checked: that zeta lies on the manifold.
template <Loss L>
HessianModes<L::dim> hessian_modes(const L& loss, const Vec<L::dim>& zeta, double rank_tolerance) {
  return split_modes<L::dim>(loss.hessian(zeta), rank_tolerance);
}

}  // namespace quasar
