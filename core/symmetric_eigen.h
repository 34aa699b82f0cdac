#pragma once

#include <Eigen/Dense>

#include "core/loss.h"

namespace quasar {

/// Eigenvalues, ascending, and orthonormal eigenvectors of a symmetric matrix, as Eigen finds them.
///
/// options  Eigen::EigenvaluesOnly leaves out the vectors
template <int Dim>
Eigen::SelfAdjointEigenSolver<Mat<Dim>> symmetric_eigen(const Mat<Dim>& m, int options = Eigen::ComputeEigenvectors) {
  return Eigen::SelfAdjointEigenSolver<Mat<Dim>>(m, options);
}

#define QUASAR_DECLARE(DIM) \
  extern template Eigen::SelfAdjointEigenSolver<Mat<DIM>> symmetric_eigen<DIM>(const Mat<DIM>&, int);
QUASAR_FOR_EACH_DIMENSION(QUASAR_DECLARE)
#undef QUASAR_DECLARE

}  // namespace quasar
