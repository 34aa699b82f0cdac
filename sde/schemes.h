#pragma once

#include <cmath>
#include <concepts>
#include <functional>

#include "sde/gradient_flow.h"
#include "sde/newton_retraction.h"
#include "sde/noise_law.h"
#include "sde/orthographic_retraction.h"
#include "sde/slow_coefficients.h"

/// A scheme is a type with `name`, `weak_order` and one operator
///
///   (coefficients, retraction, zeta, time_step, noise) -> Projection
///
/// that takes one step from a point of the manifold to a point of the manifold.
namespace quasar {

/// Brings a point x near the manifold back to it, given the point of the manifold that the step started from.
template <class R, int Dim>
concept Retraction = requires(const R& retraction, const Vec<Dim>& base, const Vec<Dim>& x) {
  { retraction(base, x) } -> std::same_as<Projection<Dim>>;
};

/// Drift and diffusion as functions of a point of the manifold; the drift's normal part is left to the retraction.
template <class C, int Dim>
concept SlowCoefficientField = requires(const C& coefficients, const Vec<Dim>& zeta) {
  { coefficients(zeta) } -> std::same_as<SlowCoefficients<Dim>>;
};

/// Both as functions, for which the schemes are compiled once a dimension.
template <int Dim>
using RetractionFunction = std::function<Projection<Dim>(const Vec<Dim>& base, const Vec<Dim>& x)>;
template <int Dim>
using SlowCoefficientFunction = std::function<SlowCoefficients<Dim>(const Vec<Dim>& zeta)>;

/// What a retraction may be used for.
enum class RetractionKind {
  projection,   ///< Phi itself: serves any noise
  second_order  ///< agrees with Phi to second order from tangent displacements: serves tangent noise, such as Sigma_par
};

/// project_by_gradient_flow; the loss must outlive it.
template <Loss L>
struct GradientFlowRetraction {
  static constexpr RetractionKind kind = RetractionKind::projection;
  const L& loss;
  GradientFlowOptions options;
  Projection<L::dim> operator()(const Vec<L::dim>&, const Vec<L::dim>& x) const {
    return project_by_gradient_flow(loss, x, options);
  }
};

/// project_by_newton; the loss must outlive it.
template <Loss L>
struct NewtonRetraction {
  static constexpr RetractionKind kind = RetractionKind::second_order;
  const L& loss;
  NewtonOptions options;
  Projection<L::dim> operator()(const Vec<L::dim>& base, const Vec<L::dim>& x) const {
    return project_by_newton(loss, base, x, options);
  }
};

/// project_orthographically; the loss must outlive it.
template <Loss L>
struct OrthographicRetraction {
  static constexpr RetractionKind kind = RetractionKind::second_order;
  const L& loss;
  OrthographicOptions options;
  Projection<L::dim> operator()(const Vec<L::dim>& base, const Vec<L::dim>& x) const {
    return project_orthographically(loss, base, x, options);
  }
};

template <Loss L>
auto gradient_flow_retraction(const L& loss, const GradientFlowOptions& options = {}) {
  return GradientFlowRetraction<L>{loss, options};
}
template <Loss L>
auto newton_retraction(const L& loss, const NewtonOptions& options = {}) {
  return NewtonRetraction<L>{loss, options};
}
template <Loss L>
auto orthographic_retraction(const L& loss, const OrthographicOptions& options = {}) {
  return OrthographicRetraction<L>{loss, options};
}

/// slow_coefficients as a field; loss and noise must outlive it.
template <class L, class Noise>
requires Loss<L> && GradientNoise<Noise, L::dim>
auto slow_coefficient_field(const L& loss, const Noise& noise, const DriftWeights& weights) {
  return [&loss, &noise, weights](const Vec<L::dim>& zeta) {
    return slow_coefficients(loss, Mat<L::dim>(noise.covariance(zeta)), zeta, weights);
  };
}

/// Euler's scheme in the ambient space with one retraction.
///
///   zeta' = R( zeta + b(zeta) dt + A(zeta) sqrt(dt) xi )
///
/// Weak order 1 for every retraction of second order; the noise needs the moments of N(0, 1) up to the third.
/// cost  one evaluation of the coefficients and one retraction
struct Euler {
  static constexpr const char* name = "Euler";
  static constexpr int weak_order = 1;

  template <int Dim, class Coefficients, class Retract>
  requires SlowCoefficientField<Coefficients, Dim> && Retraction<Retract, Dim> Projection<Dim>
  operator()(const Coefficients& coefficients, const Retract& retraction, const Vec<Dim>& zeta, double time_step,
             const StepNoise<Dim>& noise) const {
    const auto slow = coefficients(zeta);
    return retraction(
        zeta, Vec<Dim>(zeta + slow.drift * time_step + slow.diffusion * (std::sqrt(time_step) * noise.increments)));
  }
};

#define QUASAR_DECLARE(DIM)                                                                                  \
  extern template Projection<DIM> Euler::operator()(const SlowCoefficientFunction<DIM>&,                     \
                                                    const RetractionFunction<DIM>&, const Vec<DIM>&, double, \
                                                    const StepNoise<DIM>&) const;
QUASAR_FOR_EACH_DIMENSION(QUASAR_DECLARE)
#undef QUASAR_DECLARE

}  // namespace quasar
