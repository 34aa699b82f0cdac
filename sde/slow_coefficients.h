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

/// The matrix whose D3L is the force of slow_coefficients:  sum_ij w_ij S_ij/(l_i + l_j) v_i v_j^T.
template <int Dim>
Mat<Dim> force_integrand(const HessianModes<Dim>& modes, const Mat<Dim>& covariance, const DriftWeights& weights) {
  const Eigen::Index size = covariance.rows(), tangent_dim = modes.tangent_dim;
  const Mat<Dim> rotated = modes.vectors.transpose() * covariance * modes.vectors;
  Mat<Dim> weighted = Mat<Dim>::Zero(size, size);
  for (Eigen::Index i = 0; i < size; ++i)
    for (Eigen::Index j = i < tangent_dim ? tangent_dim : 0; j < size; ++j) {
      const double li = modes.lambda[i], lj = modes.lambda[j];
      weighted(i, j) = weights(li, lj) * rotated(i, j) / (li + lj);
    }
  return modes.vectors * weighted * modes.vectors.transpose();
}

/// What slow_coefficients makes of its force.
template <int Dim>
SlowCoefficients<Dim> coefficients_along(const HessianModes<Dim>& modes, const Mat<Dim>& covariance,
                                         const Vec<Dim>& force) {
  const Mat<Dim> along = modes.tangent_projector();
  return {-0.5 * along * force, symmetric_root<Dim>(along * covariance * along)};
}

#define QUASAR_DECLARE(DIM)                                                                                      \
  extern template Mat<DIM> force_integrand<DIM>(const HessianModes<DIM>&, const Mat<DIM>&, const DriftWeights&); \
  extern template SlowCoefficients<DIM> coefficients_along<DIM>(const HessianModes<DIM>&, const Mat<DIM>&,       \
                                                                const Vec<DIM>&);
QUASAR_FOR_EACH_DIMENSION(QUASAR_DECLARE)
#undef QUASAR_DECLARE

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
  constexpr int kDim = kCompiledDim<L::dim>;
  const HessianModes<kDim> modes = split_modes<kDim>(loss.hessian(zeta), rank_tolerance);
  const Mat<L::dim> integrand = force_integrand<kDim>(modes, covariance, weights);
  const Vec<L::dim> force = loss.third_derivative(zeta, integrand);
  const auto along = coefficients_along<kDim>(modes, covariance, force);
  return {along.drift, along.diffusion};
}

}  // namespace quasar
