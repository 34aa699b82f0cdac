#pragma once

#include <cstdint>
#include <functional>

#include <Eigen/Dense>

#include "core/loss.h"

namespace quasar {

/// A point brought back to the minimiser manifold; the caller decides what an unconverged one means.
template <int Dim>
struct Projection {
  Vec<Dim> point;
  std::int64_t steps;
  bool converged;
};

struct GradientFlowOptions {
  double gradient_tolerance = 1e-9;  ///< stop when |grad L| is below it, or below what the step's own error makes of it
  double step_tolerance = 1e-12;     ///< relative and absolute error of a step; the flow keeps an error of this size
  double first_step = 1e-2;
  double longest_time = 1e9;
  std::int64_t most_steps = 100000;
};

/// Gradient-flow projection Phi(x) = lim_{s -> inf} x(s), dx/ds = -grad L(x): the definition, and the oracle of
/// every cheaper retraction.                                    Li, Wang, Arora 2021 (arXiv:2110.06914), Def. 4.1
///
/// Compiled for the dimensions of QUASAR_FOR_EACH_DIMENSION.
/// gradient  (d) -> (d)
/// x         starting point, (d)
/// returns   the last point, and whether |grad L| fell below the tolerance, or below 2 step_tolerance lambda_max if that
///           is more; never throws for a point that does not
/// cost      six gradients a Dormand-Prince step (Boost.Odeint); the step is bounded by 3.3 / lambda_max
/// Not checked: that the flow's limit is a minimiser rather than a saddle.
template <int Dim>
Projection<Dim> project_by_gradient_flow(const std::function<Vec<Dim>(const Vec<Dim>&)>& gradient, const Vec<Dim>& x,
                                         const GradientFlowOptions& options = {});

/// The first two derivatives of a loss as functions, so that what needs no more is compiled once a dimension.
template <int Dim>
struct Derivatives {
  std::function<Vec<Dim>(const Vec<Dim>&)> gradient;
  std::function<Mat<Dim>(const Vec<Dim>&)> hessian;
};

/// Those of a loss, which must outlive them.
template <Loss L>
Derivatives<kCompiledDim<L::dim>> derivatives_of(const L& loss) {
  using Vector = Vec<kCompiledDim<L::dim>>;
  using Matrix = Mat<kCompiledDim<L::dim>>;
  return {[&loss](const Vector& point) -> Vector {
            const Vec<L::dim>& x = point;  // a copy only where the types differ
            return loss.gradient(x);
          },
          [&loss](const Vector& point) -> Matrix {
            const Vec<L::dim>& x = point;
            return loss.hessian(x);
          }};
}

/// The same point with its dimension written in another way.
template <int To, int Dim>
Projection<To> with_dimension(const Projection<Dim>& projection) {
  return {projection.point, projection.steps, projection.converged};
}

/// The same for a Loss.
template <Loss L>
Projection<L::dim> project_by_gradient_flow(const L& loss, const Vec<L::dim>& x,
                                            const GradientFlowOptions& options = {}) {
  return with_dimension<L::dim>(
      project_by_gradient_flow<kCompiledDim<L::dim>>(derivatives_of(loss).gradient, x, options));
}

}  // namespace quasar
