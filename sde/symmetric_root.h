#pragma once

#include <Eigen/Dense>

namespace quasar {

/// Symmetric square root of a positive semidefinite matrix; eigenvalues that rounding has made negative count as 0.
///
/// cost  one symmetric eigendecomposition
template <class Matrix>
Matrix symmetric_root(const Matrix& m) {
  if (m.rows() == 0) return m;
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(m);
  return eigen.eigenvectors() * eigen.eigenvalues().cwiseMax(0.0).cwiseSqrt().asDiagonal() *
         eigen.eigenvectors().transpose();
}

}  // namespace quasar
