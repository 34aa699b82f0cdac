#pragma once

#include <cmath>
#include <utility>
#include <variant>

#include <Eigen/Dense>

#include "sde/newton_retraction.h"
#include "sde/slow_coefficients.h"

namespace quasar {

/// A loss in the coordinates phi = D^{-1} theta, D = P^{1/2}, in which descent preconditioned by P is plain descent.
///
///   theta <- theta - eta P grad L(theta)   is   phi <- phi - eta grad (L o D)(phi)
template <Loss L>
struct PreconditionedLoss {
  static constexpr int dim = L::dim;
  const L& loss;
  Vec<dim> scale;  ///< the diagonal of D, positive

  Vec<dim> parameters(const Vec<dim>& phi) const { return scale.cwiseProduct(phi); }
  Vec<dim> coordinates(const Vec<dim>& theta) const { return theta.cwiseQuotient(scale); }
  Mat<dim> scaled(const Mat<dim>& m) const { return scale.asDiagonal() * m * scale.asDiagonal(); }

  double value(const Vec<dim>& phi) const { return loss.value(parameters(phi)); }
  Vec<dim> gradient(const Vec<dim>& phi) const { return scale.cwiseProduct(Vec<dim>(loss.gradient(parameters(phi)))); }
  Mat<dim> hessian(const Vec<dim>& phi) const { return scaled(loss.hessian(parameters(phi))); }
  Vec<dim> third_derivative(const Vec<dim>& phi, const Mat<dim>& s) const {
    return scale.cwiseProduct(Vec<dim>(loss.third_derivative(parameters(phi), scaled(s))));
  }
};

/// Adam with 1 - b2 = Theta(eta^2), so that v moves on the time scale of the slow SDE; b1 does not matter.
struct AdamSlowOptions {
  double averaging_rate = 1.0;  ///< c = (1 - b2)/eta^2
  double epsilon = 1e-8;
  /// Sgd: data-parallel Adam, whose v sees the averaged gradient. The others: Local Adam, each worker with a v of its
  /// own gradients (neither averaged nor reset); their pairs of eigenvalues are those of P^{1/2} Hess L P^{1/2}.
  DriftWeights weights;
};

/// Slow state of Adam: the point on the manifold and the running mean of squared gradients.
template <int Dim>
struct AdamSlowState {
  Vec<Dim> zeta;
  Vec<Dim> v;
};

template <int Dim>
struct AdamSlowCoefficients {
  Vec<Dim> drift;      ///< tangent, per unit slow time
  Mat<Dim> diffusion;  ///< A with A A^T the covariance along the manifold; not symmetric
  Vec<Dim> v_rate;     ///< dv per unit slow time
};

/// D of Adam's preconditioner P = diag(1/(sqrt v + epsilon)).
template <Loss L>
PreconditionedLoss<L> adam_coordinates(const L& loss, const Vec<L::dim>& v, double epsilon) {
  return {loss, v.unaryExpr([epsilon](double x) { return 1.0 / std::sqrt(std::sqrt(x) + epsilon); })};
}

/// What v tends to: the variance of the gradients that it averages, of K times smaller batches with Local Adam.
template <int Dim>
Vec<Dim> second_moment_target(const Mat<Dim>& covariance, const AdamSlowOptions& adam) {
  const bool parallel = std::holds_alternative<drift_weights::Sgd>(adam.weights.regime);
  return (parallel ? 1.0 : adam.weights.num_workers) * covariance.diagonal();
}

/// Coefficients of the slow SDE of Adam, t = eta^2 x steps.
///
///   d zeta = P_{zeta,P}( (P S P)_par^{1/2} dW - (1/2) P D3L[hat(PSP)_d] dt ),   dv = c (target - v) dt
///                                                                       Li, Wen, Lyu 2025 (arXiv:2511.02773)
///
/// that is, D times slow_coefficients of L o D with the covariance D S D, D = P^{1/2} (derived): the projection on the
/// manifold is oblique, orthogonal in the metric of P^{-1}. Local Adam (derived here, in no paper): the target is
/// K diag S, so P is 1/sqrt K of parallel Adam's; with weight K the drift is parallel Adam's, the covariance 1/K of it.
///
/// covariance  S of the total batch, (d, d)
/// throws      NumericalError where slow_coefficients does
/// cost        two d x d symmetric eigendecompositions and one third derivative
/// Not checked: v >= 0, and not 0 where epsilon is 0; that zeta lies on the manifold.
template <Loss L>
AdamSlowCoefficients<L::dim> adam_slow_coefficients(const L& loss, const Mat<L::dim>& covariance,
                                                    const AdamSlowState<L::dim>& state, const AdamSlowOptions& adam) {
  const PreconditionedLoss<L> plain = adam_coordinates(loss, state.v, adam.epsilon);
  const auto slow = slow_coefficients(plain, plain.scaled(covariance), plain.coordinates(state.zeta), adam.weights);
  return {plain.parameters(slow.drift), plain.scale.asDiagonal() * slow.diffusion,
          adam.averaging_rate * (second_moment_target(covariance, adam) - state.v)};
}

/// One Euler step, brought back by Newton's retraction in the coordinates of P (weak order 1); v relaxes exactly.
///
/// The retraction must be of second order in the metric of P^{-1}: Newton's in theta itself gives a wrong drift.
/// increments  Delta W / sqrt(dt), (d)
/// returns     the new state, and whether the retraction converged; unchanged if it did not
template <Loss L, GradientNoise<L::dim> Noise>
std::pair<AdamSlowState<L::dim>, bool> adam_slow_step(const L& loss, const Noise& noise,
                                                      const AdamSlowState<L::dim>& state, const AdamSlowOptions& adam,
                                                      double time_step, const Vec<L::dim>& increments) {
  const Mat<L::dim> covariance = noise.covariance(state.zeta);
  const auto slow = adam_slow_coefficients(loss, covariance, state, adam);
  const PreconditionedLoss<L> plain = adam_coordinates(loss, state.v, adam.epsilon);
  const Vec<L::dim> moved = state.zeta + slow.drift * time_step + slow.diffusion * (std::sqrt(time_step) * increments);
  const auto back = project_by_newton(plain, plain.coordinates(state.zeta), plain.coordinates(moved));
  if (!back.converged) return {state, false};
  const Vec<L::dim> target = second_moment_target(covariance, adam);
  const double kept = std::exp(-adam.averaging_rate * time_step);
  return {{plain.parameters(back.point), target + kept * (state.v - target)}, true};
}

}  // namespace quasar
