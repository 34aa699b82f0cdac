#include "sde/newton_retraction.h"

#include <cmath>

#include "core/symmetric_eigen.h"

namespace quasar {

template <int Dim>
Projection<Dim> project_by_newton(const Derivatives<Dim>& loss, const Vec<Dim>& base, const Vec<Dim>& x,
                                  const NewtonOptions& options) {
  using Vector = Vec<Dim>;
  const auto at_base = symmetric_eigen<Dim>(loss.hessian(base), Eigen::EigenvaluesOnly);
  const double threshold = options.rank_tolerance * at_base.eigenvalues().cwiseAbs().maxCoeff();
  const Eigen::Index rank = (at_base.eigenvalues().array() > threshold).count();
  Vector point = x;
  for (std::int64_t steps = 0;; ++steps) {
    const Vector gradient = loss.gradient(point);
    const double slope = gradient.norm();
    if (slope <= options.gradient_tolerance) return {point, steps, true};
    if (!std::isfinite(slope) || rank == 0 || steps == options.most_steps) return {point, steps, false};
    const auto hessian = symmetric_eigen<Dim>(loss.hessian(point));  // eigenvalues ascend
    const auto leading = hessian.eigenvalues().tail(rank);
    if (!(leading[0] > 0.0)) return {point, steps, false};
    const auto normal = hessian.eigenvectors().rightCols(rank);
    const Eigen::VectorXd in_normal = normal.transpose() * gradient;
    point -= normal * in_normal.cwiseQuotient(leading);
  }
}

#define QUASAR_DEFINE(DIM)                                                                                   \
  template Projection<DIM> project_by_newton<DIM>(const Derivatives<DIM>&, const Vec<DIM>&, const Vec<DIM>&, \
                                                  const NewtonOptions&);
QUASAR_FOR_EACH_DIMENSION(QUASAR_DEFINE)

}  // namespace quasar
