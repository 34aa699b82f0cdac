#pragma once

#include <Eigen/Dense>

#include "core/drift_factors.h"
#include "core/loss.h"
#include "sde/hessian_modes.h"
#include "sde/symmetric_root.h"

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
/// cost            O(d^3): two d x d symmetric eigendecompositions and one third derivative
/// Not checked: that zeta lies on the manifold. The P_zeta correction is left to the retraction after the step.
template <Loss L>
SlowCoefficients<L::dim> slow_coefficients(const L& loss, const Mat<L::dim>& covariance, const Vec<L::dim>& zeta,
                                           const DriftWeights& weights, double rank_tolerance = 1e-6) {
  using Matrix = Mat<L::dim>;
  const HessianModes<L::dim> modes = hessian_modes(loss, zeta, rank_tolerance);
  const Eigen::Index size = zeta.size(), tangent_dim = modes.tangent_dim;
  const Matrix rotated = modes.vectors.transpose() * covariance * modes.vectors;
  Matrix weighted = Matrix::Zero(size, size);
  for (Eigen::Index i = 0; i < size; ++i)
    for (Eigen::Index j = i < tangent_dim ? tangent_dim : 0; j < size; ++j) {
      const double li = modes.lambda[i], lj = modes.lambda[j];
      weighted(i, j) = weights(li, lj) * rotated(i, j) / (li + lj);
    }
  const Matrix integrand = modes.vectors * weighted * modes.vectors.transpose();
  const Vec<L::dim> force = loss.third_derivative(zeta, integrand);

  const Matrix along = modes.tangent_projector();
  return {-0.5 * along * force, symmetric_root(Matrix(along * covariance * along))};
}

}  // namespace quasar
