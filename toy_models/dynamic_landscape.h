#pragma once

#include <concepts>
#include <vector>

#include "core/elementary.h"
#include "core/loss.h"

namespace quasar {

/// A loss of a dimension known only when running, whose stochastic gradient works on many replicas side by side.
///
/// Numbers lie in rows of Lanes: number i of the replica in lane l is at [i * Lanes + l]. One template over Real (float,
/// double) and Lanes holds the formula:
///   noisy_gradient<Lanes>(x, noise, g, scratch)   g = gradient at x with noise of the covariance S(x), where noise is
///                        standard normals times noise_amplitude(); a worker's noise has K S, so they come with sqrt(K)
/// in rows of size() (x, g), noise_dim() (noise) and scratch_rows() (scratch).
template <class L>
concept DynamicLandscape = Loss<L> && GradientNoise<L, L::dim> &&
    requires(const L& landscape, const float* from, float* to, const double* from_d, double* to_d) {
  requires L::dim == Eigen::Dynamic;
  { landscape.size() } -> std::convertible_to<Eigen::Index>;
  { landscape.noise_dim() } -> std::convertible_to<Eigen::Index>;
  { landscape.scratch_rows() } -> std::convertible_to<Eigen::Index>;
  { landscape.noise_amplitude() } -> std::convertible_to<double>;
  landscape.template noisy_gradient<1>(from, from, to, to);
  landscape.template noisy_gradient<1>(from_d, from_d, to_d, to_d);
};

/// Arithmetic on rows of lanes, which do not overlap unless they are the same.
namespace rows {

template <int Lanes, class Real>
QUASAR_HD void fill(Real value, Real* to, Eigen::Index count = 1) {
  for (Eigen::Index i = 0; i < count * Lanes; ++i) to[i] = value;
}
/// to <- to + a b
template <int Lanes, class Real>
QUASAR_HD void add_product(const Real* a, const Real* b, Real* to) {
#pragma GCC ivdep
  for (int l = 0; l < Lanes; ++l) to[l] = fused_multiply_add(a[l], b[l], to[l]);
}
/// to <- to + a b with the same number a in all lanes
template <int Lanes, class Real>
QUASAR_HD void add_product(Real a, const Real* b, Real* to) {
#pragma GCC ivdep
  for (int l = 0; l < Lanes; ++l) to[l] = fused_multiply_add(a, b[l], to[l]);
}

}  // namespace rows

/// grad L(x) by the formula that the steps take.
template <DynamicLandscape L>
Vec<L::dim> gradient_of_steps(const L& landscape, const Vec<L::dim>& x) {
  const Vec<L::dim> no_noise = Vec<L::dim>::Zero(landscape.noise_dim());
  Vec<L::dim> g(x.size()), scratch(landscape.scratch_rows());
  landscape.template noisy_gradient<1>(x.data(), no_noise.data(), g.data(), scratch.data());
  return g;
}

}  // namespace quasar
