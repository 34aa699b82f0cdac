#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include <Eigen/Dense>

#include "core/drift_factors.h"
#include "core/errors.h"
#include "core/loss.h"

namespace quasar {

/// Drift and diffusion of a Slow SDE at a point of the manifold.
template <int Dim>
struct SlowCoefficients {
  Vec<Dim> drift;      ///< tangent, per unit slow time
  Mat<Dim> diffusion;  ///< symmetric square root of Sigma_par / B
};

/// Coefficients of the Slow SDE of SGD, Local SGD with H ~ 1/eta and QSR on the manifold of minimisers.
///
///   d zeta = P_zeta( Sigma_par^{1/2} dW - (1/2) D3L[ sum_ij w_ij S_ij/(l_i + l_j) v_i v_j^T ] dt )
///
/// with S the noise covariance Sigma/B, Sigma_par = P_T S P_T, and the sum over the pairs of eigenmodes of the Hessian
/// with at least one l > 0; w = 1, 1 + (K-1) psi(beta (l_i + l_j)) or K.   Gu et al. 2024 (arXiv:2310.14423), Def. 3.1-3.3
///
/// loss, zeta      a point on the manifold, (d)
/// covariance      S = Sigma/B of the total batch, (d, d)
/// weights         the regime
/// rank_tolerance  eigenvalues below it times the largest are tangent
/// throws          NumericalError if an eigenvalue is below -rank_tolerance times the largest
/// cost            two d x d symmetric eigendecompositions and one third derivative
/// Not checked: that zeta lies on the manifold. The P_zeta correction is left to the retraction after the step.
template <Loss L>
SlowCoefficients<L::dim> slow_coefficients(const L& loss, const Mat<L::dim>& covariance, const Vec<L::dim>& zeta,
                                           const DriftWeights& weights, double rank_tolerance = 1e-6) {
  using Matrix = Mat<L::dim>;
  const Eigen::SelfAdjointEigenSolver<Matrix> hessian(Matrix(loss.hessian(zeta)));
  const auto& lambda = hessian.eigenvalues();
  const Matrix& v = hessian.eigenvectors();
  const double threshold = rank_tolerance * lambda.cwiseAbs().maxCoeff();
  if (lambda.minCoeff() < -threshold)
    throw NumericalError("the Hessian has the eigenvalue " + std::to_string(lambda.minCoeff()) +
                         " at a point that should be a minimiser");
  const auto is_tangent = [&](Eigen::Index i) { return lambda[i] <= threshold; };

  const Matrix rotated = v.transpose() * covariance * v;
  Matrix tangent_block = Matrix::Zero(zeta.size(), zeta.size());
  Matrix weighted = Matrix::Zero(zeta.size(), zeta.size());
  Matrix tangent_projector = Matrix::Zero(zeta.size(), zeta.size());
  for (Eigen::Index i = 0; i < zeta.size(); ++i) {
    if (is_tangent(i)) tangent_projector += v.col(i) * v.col(i).transpose();
    for (Eigen::Index j = 0; j < zeta.size(); ++j) {
      if (is_tangent(i) && is_tangent(j)) {
        tangent_block(i, j) = rotated(i, j);
        continue;
      }
      const double li = is_tangent(i) ? 0.0 : lambda[i];
      const double lj = is_tangent(j) ? 0.0 : lambda[j];
      weighted(i, j) = weights(li, lj) * rotated(i, j) / (li + lj);
    }
  }
  const Matrix integrand = v * weighted * v.transpose();
  const Eigen::SelfAdjointEigenSolver<Matrix> tangent(Matrix(v * tangent_block * v.transpose()));
  const Vec<L::dim> root = tangent.eigenvalues().cwiseMax(0.0).cwiseSqrt();
  return {-0.5 * tangent_projector * loss.third_derivative(zeta, integrand),
          tangent.eigenvectors() * root.asDiagonal() * tangent.eigenvectors().transpose()};
}

}  // namespace quasar
