#pragma once

#include <Eigen/Dense>

#include "sde/hessian_modes.h"
#include "sde/platen_scheme.h"
#include "sde/symmetric_root.h"

namespace quasar {

/// Solution X of H X + X H = M on the normal modes: v_i^T X v_j = v_i^T M v_j / (l_i + l_j), 0 where i or j is tangent.
template <int Dim>
Mat<Dim> solve_lyapunov(const HessianModes<Dim>& modes, const Mat<Dim>& m) {
  Mat<Dim> x = modes.vectors.transpose() * m * modes.vectors;
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < x.cols(); ++j)
      x(i, j) = i < modes.tangent_dim || j < modes.tangent_dim ? 0.0 : x(i, j) / (modes.lambda[i] + modes.lambda[j]);
  return modes.vectors * x * modes.vectors.transpose();
}

/// Second derivative of the gradient-flow projection Phi at a point of the manifold, by its four blocks.
///
///   d2Phi[M] = -H^+ D3L[P M P] - P D3L[Lyap_H^{-1}(N M N)] - 2 P D3L[H^+ N M P],   P = dPhi, N = 1 - P
///
///                                                  Li, Wang, Arora 2021 (arXiv:2110.06914), sec. 4; block form derived
///
/// zeta            a point on the manifold, (d)
/// m               symmetric, (d, d); of an arbitrary one the symmetric part counts
/// returns         sum_jk d_j d_k Phi m_jk, (d): normal for the first block, tangent for the others
/// rank_tolerance  eigenvalues of the Hessian below it times the largest are tangent
/// throws          NumericalError if an eigenvalue is below -rank_tolerance times the largest
/// cost            one d x d symmetric eigendecomposition and two third derivatives
/// Not checked: that zeta lies on the manifold, the only place where this is Phi's derivative.
template <Loss L>
Vec<L::dim> projection_second_derivative(const L& loss, const Vec<L::dim>& zeta, const Mat<L::dim>& m,
                                         double rank_tolerance = 1e-6) {
  using Matrix = Mat<L::dim>;
  const HessianModes<L::dim> modes = hessian_modes(loss, zeta, rank_tolerance);
  const Matrix along = modes.tangent_projector();
  const Matrix symmetric = 0.5 * (m + m.transpose());
  const Matrix from_along = symmetric * along;
  const Matrix twice_along = along * from_along;
  const Matrix mixed = modes.apply_inverse(from_along - twice_along);
  const Vec<L::dim> bend = loss.third_derivative(zeta, twice_along);
  const Vec<L::dim> force =
      loss.third_derivative(zeta, Matrix(solve_lyapunov(modes, symmetric) + mixed + mixed.transpose()));
  return -modes.apply_inverse(bend) - along * force;
}

/// The limiting diffusion of SGD with noise in every direction: where x <- x - eta (grad L + noise) goes on the time
/// scale 1/eta^2, as an SDE in R^d that stays on the manifold by itself.
///
///   d zeta = P S^{1/2} dW + (1/2) d2Phi[S] dt                     Li, Wang, Arora 2021 (arXiv:2110.06914), sec. 4
///
/// covariance  S of the whole noise, (d, d)
/// returns     drift with its normal part; symmetric square root of P S P
/// Its tangent drift is that of slow_coefficients for SGD. The rest as projection_second_derivative.
template <Loss L>
ItoCoefficients<L::dim> limiting_diffusion(const L& loss, const Mat<L::dim>& covariance, const Vec<L::dim>& zeta,
                                           double rank_tolerance = 1e-6) {
  const Mat<L::dim> along = hessian_modes(loss, zeta, rank_tolerance).tangent_projector();
  return {0.5 * projection_second_derivative(loss, zeta, covariance, rank_tolerance),
          symmetric_root<L::dim>(along * covariance * along)};
}

/// The noise of SGD as it is, without a drift: with Phi as the retraction, and with no other, Euler's scheme on it has
/// the limiting diffusion's law, since E Phi(zeta + dt^{1/2} S^{1/2} xi) = zeta + (dt/2) d2Phi[S] + O(dt^2).   (derived)
///
/// noise must outlive the field. cost  one d x d symmetric eigendecomposition
template <int Dim, GradientNoise<Dim> Noise>
auto full_noise_field(const Noise& noise) {
  return [&noise](const Vec<Dim>& zeta) {
    return SlowCoefficients<Dim>{Vec<Dim>::Zero(zeta.size()), symmetric_root<Dim>(noise.covariance(zeta))};
  };
}

}  // namespace quasar
