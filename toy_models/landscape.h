#pragma once

#include <concepts>

#include "core/loss.h"

namespace quasar {

/// A loss with its gradient noise and its projection in closed form, whose stochastic gradient runs on every device.
///
/// The two templates over Real (float, double) hold the only copy of the formula; the Eigen overload calls them.
///   gradient(x, g)               g = grad L(x), dim numbers each
///   noisy_gradient(x, noise, g)  the same plus noise of the covariance S(x) where noise is noise_dim standard normals;
///                                a worker's noise has K S, so its normals arrive multiplied by sqrt(K)
/// A landscape may also have, for speed,
///   noise_amplitude(j)           what its normals of component j are multiplied by before they arrive
///   noisy_step(x, noise, minus_eta, to)   to = x + minus_eta (noisy gradient), by fewer operations
template <class L>
concept Landscape = Loss<L> && GradientNoise<L, L::dim> &&
    requires(const L& landscape, const Vec<L::dim>& x, const float* from, float* to, const double* from_d,
             double* to_d) {
  requires L::noise_dim >= 1;
  requires L::noise_dim <= 4;  // the normals of one draw
  { landscape.project(x) } -> std::convertible_to<Vec<L::dim>>;
  landscape.gradient(from, to);
  landscape.gradient(from_d, to_d);
  landscape.noisy_gradient(from, from, to);
  landscape.noisy_gradient(from_d, from_d, to_d);
};

}  // namespace quasar
