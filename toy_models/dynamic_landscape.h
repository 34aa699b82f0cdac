#pragma once

#include <concepts>
#include <type_traits>

#include "core/elementary.h"
#include "core/loss.h"

namespace quasar {

/// The stochastic gradient of a loss of a dimension known only when running, on many replicas side by side: numbers and
/// pointers alone, so that a CUDA device can take a copy.
///
/// Numbers lie in rows: number i of the replica in lane l is at [i * Stride + l], Stride = Lanes unless said otherwise;
/// a CUDA thread has one lane of rows that are as wide as its block. One template over Real (float, double), Lanes and
/// Stride holds the formula:
///   noisy_gradient<Lanes, Stride>(x, noise, g, scratch)   g = gradient at x with noise of the covariance S(x), where
///                        noise is standard normals times noise_amplitude(); a worker's noise has K S, so they come with
///                        sqrt(K)
/// in rows of size() (x, g), noise_dim() (noise) and scratch_rows() (scratch).
template <class S>
concept DynamicSteps = std::is_trivially_copyable_v<S> &&
    requires(const S& steps, const float* from, float* to, const double* from_d, double* to_d) {
  { steps.size() } -> std::convertible_to<Eigen::Index>;
  { steps.noise_dim() } -> std::convertible_to<Eigen::Index>;
  { steps.scratch_rows() } -> std::convertible_to<Eigen::Index>;
  { steps.noise_amplitude() } -> std::convertible_to<double>;
  steps.template noisy_gradient<1>(from, from, to, to);
  steps.template noisy_gradient<1>(from_d, from_d, to_d, to_d);
};

/// Where the arrays of a landscape are for code on the host: in the landscape.
struct InPlace {
  const double* operator()(const double* numbers, Eigen::Index) const { return numbers; }
};

/// A loss of a dimension known only when running, and its steps.
///
///   steps(placed)  DynamicSteps; placed(numbers, count) returns where an array of the landscape is to be read: itself
///                  (InPlace) or a copy of it on a device
template <class L>
concept DynamicLandscape = Loss<L> && GradientNoise<L, L::dim> && requires(const L& landscape) {
  requires L::dim == Eigen::Dynamic;
  { landscape.size() } -> std::convertible_to<Eigen::Index>;
  { landscape.steps(InPlace{}) } -> DynamicSteps;
};

/// Arithmetic on rows of lanes, which do not overlap unless they are the same.
namespace rows {

template <int Lanes, int Stride, class Real>
QUASAR_HD void fill(Real value, Real* to, Eigen::Index count) {
  for (Eigen::Index i = 0; i < count; ++i)
    for (int l = 0; l < Lanes; ++l) to[i * Stride + l] = value;
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
  const auto steps = landscape.steps(InPlace{});
  const Vec<L::dim> no_noise = Vec<L::dim>::Zero(steps.noise_dim());
  Vec<L::dim> g(x.size()), scratch(steps.scratch_rows());
  steps.template noisy_gradient<1>(x.data(), no_noise.data(), g.data(), scratch.data());
  return g;
}

}  // namespace quasar
