#pragma once

#include <concepts>

#include "core/elementary.h"
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

/// Standard deviation of a component of a landscape's noise as noisy_gradient() takes it: 1 unless it says otherwise.
template <class Landscape>
QUASAR_HD double noise_amplitude(const Landscape& landscape, [[maybe_unused]] int component) {
  if constexpr (requires { landscape.noise_amplitude(component); }) return landscape.noise_amplitude(component);
  return 1.0;
}

/// x <- x - eta (gradient with noise); the landscape's own formula where it has a shorter one.
template <class Landscape, class Real>
QUASAR_HD void noisy_step(const Landscape& landscape, const Real* x, const Real* noise, Real minus_learning_rate,
                          Real* to) {
  if constexpr (requires { landscape.noisy_step(x, noise, minus_learning_rate, to); }) {
    landscape.noisy_step(x, noise, minus_learning_rate, to);
  } else {
    Real g[Landscape::dim];
    landscape.noisy_gradient(x, noise, g);
    QUASAR_UNROLL for (int i = 0; i < Landscape::dim; ++i) to[i] = fused_multiply_add(minus_learning_rate, g[i], x[i]);
  }
}

}  // namespace quasar
