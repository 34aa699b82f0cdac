#pragma once

#include <cstdint>

#include "core/loss.h"
#include "sde/limiting_diffusion.h"
#include "sde/path_events.h"
#include "sde/platen_scheme.h"
#include "sde/talay_tubaro.h"

/// The choices of a path ensemble by name.
namespace quasar {

enum class PathScheme { euler, platen, talay_tubaro };
enum class PathRetraction { gradient_flow, newton, orthographic };
enum class PathEquation {
  slow_sde,            ///< slow_coefficients with the weights of the regime
  limiting_diffusion,  ///< limiting_diffusion: SGD's, whatever the weights
  adam                 ///< adam_slow_step: Euler's scheme with Newton's retraction in Adam's coordinates
};

/// The weak order that a scheme declares, given noise with enough moments (highest_weak_order).
constexpr int weak_order_of(PathScheme scheme) {
  switch (scheme) {
    case PathScheme::platen:
      return Platen::weak_order;
    case PathScheme::talay_tubaro:
      return TalayTubaro::weak_order;
    case PathScheme::euler:
      break;
  }
  return Euler::weak_order;
}

struct PathOptions {
  double time_step = 0.0;  ///< of slow time; with Talay-Tubaro of the coarse paths
  std::int64_t paths = 1;
  std::uint64_t seed = 0;
  int threads = 1;
  GradientFlowOptions gradient_flow{};
  NoiseLaw noise_law = NoiseLaw::gaussian;
  PathScheme scheme = PathScheme::euler;
  PathRetraction retraction = PathRetraction::gradient_flow;
  PathEquation equation = PathEquation::slow_sde;
  double adam_averaging_rate = 1.0;  ///< (1 - b2)/eta^2
  double adam_epsilon = 1e-8;
};

/// The start's projection by the gradient flow; throws NumericalError naming the point if it does not converge.
template <Loss L>
Vec<L::dim> start_on_manifold(const L& loss, const Vec<L::dim>& start, const GradientFlowOptions& options) {
  const auto projected = project_by_gradient_flow(loss, start, options);
  if (!projected.converged)
    throw NumericalError("the gradient flow from the starting point " + print_point(start) +
                         " does not converge; it got to " + print_point(projected.point));
  return projected.point;
}

/// Brings x back to the manifold by the retraction that is named.
template <Loss L>
Projection<L::dim> retract(const L& loss, const PathOptions& options, const Vec<L::dim>& base, const Vec<L::dim>& x) {
  switch (options.retraction) {
    case PathRetraction::newton:
      return project_by_newton(loss, base, x);
    case PathRetraction::orthographic:
      return project_orthographically(loss, base, x);
    case PathRetraction::gradient_flow:
      break;
  }
  return project_by_gradient_flow(loss, x, options.gradient_flow);
}

/// Drift and diffusion of the equation that is named, slow SDE or limiting diffusion, as Euler's scheme takes them: the
/// normal part of the drift does not matter to it.
template <class L, class Noise>
SlowCoefficients<L::dim> path_coefficients(const L& loss, const Noise& noise, const DriftWeights& weights,
                                           PathEquation equation, const Vec<L::dim>& zeta) {
  const Mat<L::dim> covariance = noise.covariance(zeta);
  if (equation != PathEquation::limiting_diffusion) return slow_coefficients(loss, covariance, zeta, weights);
  const auto ito = limiting_diffusion(loss, covariance, zeta);
  return {ito.drift, ito.diffusion};
}

/// The same with the normal part of Ito's drift.
template <class L, class Noise>
ItoCoefficients<L::dim> path_ito_coefficients(const L& loss, const Noise& noise, const DriftWeights& weights,
                                              PathEquation equation, const Vec<L::dim>& zeta) {
  const auto slow = path_coefficients(loss, noise, weights, equation, zeta);
  if (equation == PathEquation::limiting_diffusion) return {slow.drift, slow.diffusion};
  return {ito_drift(loss, zeta, slow), slow.diffusion};
}

}  // namespace quasar
