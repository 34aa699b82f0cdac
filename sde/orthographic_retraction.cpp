#include "sde/orthographic_retraction.h"

#include <cmath>

#include "core/symmetric_eigen.h"

namespace quasar {

template <int Dim>
Projection<Dim> project_orthographically(const Derivatives<Dim>& loss, const Vec<Dim>& base, const Vec<Dim>& x,
                                         const OrthographicOptions& options) {
  using Vector = Vec<Dim>;
  const auto hessian = symmetric_eigen<Dim>(loss.hessian(base));
  const double threshold = options.rank_tolerance * hessian.eigenvalues().cwiseAbs().maxCoeff();
  const Vector inverse =
      hessian.eigenvalues().unaryExpr([threshold](double l) { return l > threshold ? 1.0 / l : 0.0; });
  const Mat<Dim>& v = hessian.eigenvectors();
  Vector point = x;
  for (std::int64_t steps = 0;; ++steps) {
    const Vector gradient = loss.gradient(point);
    const double slope = gradient.norm();
    if (slope <= options.gradient_tolerance) return {point, steps, true};
    if (!std::isfinite(slope) || steps == options.most_steps) return {point, steps, false};
    point -= v * inverse.cwiseProduct(v.transpose() * gradient);
  }
}

#define QUASAR_DEFINE(DIM)                                                                                          \
  template Projection<DIM> project_orthographically<DIM>(const Derivatives<DIM>&, const Vec<DIM>&, const Vec<DIM>&, \
                                                         const OrthographicOptions&);
QUASAR_FOR_EACH_DIMENSION(QUASAR_DEFINE)

}  // namespace quasar
