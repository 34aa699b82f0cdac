#pragma once

#include <cmath>

#include "sde/gradient_flow.h"
#include "sde/slow_coefficients.h"

namespace quasar {

/// One Euler step of a Slow SDE in the ambient space, brought back by the gradient flow (weak order 1).
///
///   zeta' = Phi( zeta + b(zeta) dt + A(zeta) sqrt(dt) xi )
///
/// zeta     point on the manifold, (d)
/// xi       standard normals, or any variables with their first three moments, (d)
/// returns  the new point and whether Phi converged
/// cost     slow_coefficients and one gradient flow
template <class L, class Noise>
requires Loss<L> && GradientNoise<Noise, L::dim> Projection<L::dim> euler_step(const L& loss, const Noise& noise,
                                                                               const DriftWeights& weights,
                                                                               const Vec<L::dim>& zeta,
                                                                               double time_step, const Vec<L::dim>& xi,
                                                                               const GradientFlowOptions& flow = {}) {
  const auto slow = slow_coefficients(loss, Mat<L::dim>(noise.covariance(zeta)), zeta, weights);
  return project_by_gradient_flow(
      loss, Vec<L::dim>(zeta + slow.drift * time_step + slow.diffusion * (std::sqrt(time_step) * xi)), flow);
}

}  // namespace quasar
