#pragma once

#include <cmath>
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
/// base, x  a point on the manifold and the one to bring back, (d)
/// returns  the last point; not converged after most_steps or where the gradient is not finite
/// cost     one d x d symmetric eigendecomposition, and one gradient and d r multiplications an iteration
/// Not checked: that base lies on the manifold; that x + N_base meets the manifold only once.
template <Loss L>
Projection<L::dim> project_orthographically(const L& loss, const Vec<L::dim>& base, const Vec<L::dim>& x,
                                            const OrthographicOptions& options = {}) {
  using Vector = Vec<L::dim>;
  using Matrix = Mat<L::dim>;
  const Eigen::SelfAdjointEigenSolver<Matrix> hessian(Matrix(loss.hessian(base)));
  const double threshold = options.rank_tolerance * hessian.eigenvalues().cwiseAbs().maxCoeff();
  const Vector inverse =
      hessian.eigenvalues().unaryExpr([threshold](double l) { return l > threshold ? 1.0 / l : 0.0; });
  const Matrix& v = hessian.eigenvectors();
  Vector point = x;
  for (std::int64_t steps = 0;; ++steps) {
    const Vector gradient = loss.gradient(point);
    const double slope = gradient.norm();
    if (slope <= options.gradient_tolerance) return {point, steps, true};
    if (!std::isfinite(slope) || steps == options.most_steps) return {point, steps, false};
    point -= v * inverse.cwiseProduct(v.transpose() * gradient);
  }
}

}  // namespace quasar
