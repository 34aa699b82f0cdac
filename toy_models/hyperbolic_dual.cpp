#include "toy_models/hyperbolic_dual.h"

#include <cmath>

#include <Eigen/Dense>

#include "core/errors.h"

namespace quasar {

using Eigen::MatrixXd;
using Eigen::VectorXd;

VectorXd hyperbolic_dual_point(const MatrixXd& z, const VectorXd& y, const VectorXd& p, const VectorXd& r) {
  VectorXd a = VectorXd::Zero(y.size());
  for (int i = 0; i < 200; ++i) {
    const VectorXd moved = r + z.transpose() * a;
    const VectorXd w = 2 * p.array() * (2 * moved.array()).sinh(),
                   curvature = 4 * p.array() * (2 * moved.array()).cosh();
    const VectorXd slope = z * w - y;
    const MatrixXd hessian = z * curvature.asDiagonal() * z.transpose();
    const VectorXd step = -hessian.ldlt().solve(slope);
    const double c = 2 * (z.transpose() * step).cwiseAbs().maxCoeff();
    if (!std::isfinite(c)) break;
    if (c < 1e-13 && slope.norm() < 1e-10 * (1.0 + w.norm())) return a + step;
    a += (c < 1e-13 ? 1.0 : std::log1p(c) / c) * step;
  }
  throw NumericalError("no interpolating diagonal network was found: its inputs have no full rank or u v is too small");
}

}  // namespace quasar
