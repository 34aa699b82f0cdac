#pragma once

#include "sde/schemes.h"

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
  return Euler{}(slow_coefficient_field(loss, noise, weights), gradient_flow_retraction(loss, flow), zeta, time_step,
                 StepNoise<L::dim>{xi, {}});
}

}  // namespace quasar
