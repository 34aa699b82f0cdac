#pragma once

#include <Eigen/Dense>

#include "core/drift_factors.h"
#include "core/loss.h"

namespace quasar {

/// Label-noise training: standard deviation delta of the labels' flips, total batch B.
struct LabelNoise {
  double deviation;
  double batch_size;

  /// delta^2/B: the covariance S of the gradient noise in units of the Hessian.
  double strength() const { return deviation * deviation / batch_size; }
};

/// The gradient noise of label noise on squared loss: S = (delta^2/B) Hess L on the manifold of minimisers.
///
///                                      Blanc et al. 2020; Li, Wang, Arora 2021 (arXiv:2110.06914), sec. on label noise
///
/// It has no tangent part, so the Slow SDEs with it are ODEs: gradient flows of label_noise_potential along Gamma.
/// Not checked: that x lies on the manifold, the only place where S is that.
template <Loss L>
struct LabelNoiseOn {
  L loss;
  LabelNoise noise;
  Mat<L::dim> covariance(const Vec<L::dim>& x) const { return noise.strength() * loss.hessian(x); }
};

/// What label noise descends along the manifold, d zeta/dt = -grad_Gamma R.
///
///   R = (delta^2/4B) sum_i W(l_i),   W(l) = integral of w from 0 to l, w the regime's weight of the pair (l, l)
///
///   SGD: tr H;   H = beta/eta: tr H + (K-1) tr[F(2 beta H)/(2 beta)], F = psi_integral;   QSR: K tr H
///                                                       Gu et al. 2023 (arXiv:2303.01215), section on label noise
///   finite (eta, H), where H = 1 gives -(2/eta) log(1 - eta l/2)            Damian, Ma, Lee 2021 (arXiv:2106.06530)
///
/// lambda   eigenvalues of Hess L, >= 0; those of the tangent modes may be left out
/// cost     for finite (eta, H) an adaptive quadrature an eigenvalue, to a relative error of 1e-11
/// Not checked: eta l < 2.
double label_noise_potential(const Eigen::VectorXd& lambda, const LabelNoise& noise, const DriftWeights& weights);

}  // namespace quasar
