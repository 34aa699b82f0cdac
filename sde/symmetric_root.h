#pragma once

#include <Eigen/Dense>

#include "core/loss.h"
#include "core/symmetric_eigen.h"

namespace quasar {

/// Symmetric square root of a positive semidefinite matrix; eigenvalues that rounding has made negative count as 0.
///
/// cost  one symmetric eigendecomposition
template <int Dim>
Mat<Dim> symmetric_root(const Mat<Dim>& m) {
  if (m.rows() == 0) return m;
  const auto eigen = symmetric_eigen<Dim>(m);
  return eigen.eigenvectors() * eigen.eigenvalues().cwiseMax(0.0).cwiseSqrt().asDiagonal() *
         eigen.eigenvectors().transpose();
}

#define QUASAR_DECLARE(DIM) extern template Mat<DIM> symmetric_root<DIM>(const Mat<DIM>&);
QUASAR_FOR_EACH_DIMENSION(QUASAR_DECLARE)
#undef QUASAR_DECLARE

}  // namespace quasar
