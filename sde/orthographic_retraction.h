#pragma once

#include <cstdint>

#include <Eigen/Dense>

#include "core/loss.h"
#include "sde/gradient_flow.h"

namespace quasar {

struct OrthographicOptions {
  double gradient_tolerance = 1e-11;  ///< stop when |grad L| is below it
  double rank_tolerance = 1e-6;       ///< eigenvalues at the base point below it times the largest are tangent
  std::int64_t most_steps = 200;
};

/// Orthographic retraction of x by chord Newton steps: x <- x - H(base)^+ grad L(x), to tolerance.
///                                                       Absil and Malick 2012 (doi:10.1137/100802529), section 4.4
///
/// Every step is normal at the base point, so the limit is the point of the manifold in x + N_base. Of second order,
/// as project_by_newton, and like it for tangent noise only; one Hessian instead of one an iteration, but convergence
/// is linear, with a factor of |H(base)^+ (H(x) - H(base))|.
///
/// Compiled for the dimensions of QUASAR_FOR_EACH_DIMENSION.
/// base, x  a point on the manifold and the one to bring back, (d)
/// returns  the last point; not converged after most_steps or where the gradient is not finite
/// cost     one d x d symmetric eigendecomposition, and one gradient and d r multiplications an iteration
/// Not checked: that base lies on the manifold; that x + N_base meets the manifold only once.
template <int Dim>
Projection<Dim> project_orthographically(const Derivatives<Dim>& loss, const Vec<Dim>& base, const Vec<Dim>& x,
                                         const OrthographicOptions& options);

/// The same for a Loss.
template <Loss L>
Projection<L::dim> project_orthographically(const L& loss, const Vec<L::dim>& base, const Vec<L::dim>& x,
                                            const OrthographicOptions& options = {}) {
  return with_dimension<L::dim>(project_orthographically<kCompiledDim<L::dim>>(derivatives_of(loss), base, x, options));
}

}  // namespace quasar
