#pragma once

#include <cstdint>

#include <Eigen/Dense>

#include "core/loss.h"
#include "sde/gradient_flow.h"

namespace quasar {

struct NewtonOptions {
  double gradient_tolerance = 1e-11;  ///< stop when |grad L| is below it
  double rank_tolerance = 1e-6;       ///< eigenvalues at the base point below it times the largest are tangent
  std::int64_t most_steps = 30;
};

/// Newton retraction of x: x <- x - H_r(x)^+ grad L(x), to tolerance.       after R. Zhang 2020 (arXiv:2006.14751)
///
/// H_r(x)^+ inverts the Hessian on its r leading eigenvectors; r is the rank of the Hessian at the base point, since
/// off the manifold the tangent eigenvalues are not 0. A second-order retraction: from a tangent displacement h it ends
/// within O(h^4) of Phi, so tangent noise gives the same Slow SDE. From a normal displacement the two differ by O(h^2)
/// along the manifold, so noise across the manifold needs Phi itself (project_by_gradient_flow).
///
/// Compiled for the dimensions of QUASAR_FOR_EACH_DIMENSION.
/// base, x  a point on the manifold and the one to bring back, (d)
/// returns  the last point; not converged if a leading eigenvalue is not positive (x is too far away) or after
///          most_steps
/// cost     one d x d symmetric eigendecomposition an iteration, 2 to 4 near the manifold, and one for the rank
/// Not checked: that base lies on the manifold; that the nearest branch of the manifold is the one reached.
template <int Dim>
Projection<Dim> project_by_newton(const Derivatives<Dim>& loss, const Vec<Dim>& base, const Vec<Dim>& x,
                                  const NewtonOptions& options);

/// The same for a Loss.
template <Loss L>
Projection<L::dim> project_by_newton(const L& loss, const Vec<L::dim>& base, const Vec<L::dim>& x,
                                     const NewtonOptions& options = {}) {
  return with_dimension<L::dim>(project_by_newton<kCompiledDim<L::dim>>(derivatives_of(loss), base, x, options));
}

}  // namespace quasar
