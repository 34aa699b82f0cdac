#pragma once

#include <Eigen/Core>

namespace quasar {

/// argmin_a sum_j p_j cosh 2(r + z^T a)_j - <a, y>: the dual of the fit of least hyperbolic entropy (diagonal_network.h).
///
/// Newton's method with the step ln(1 + c)/c, which converges from every start since the third derivative along it is at
/// most c times the second.                               Sun and Tran-Dinh 2019, Math. Program. 178, 145
/// Compiled once for all sizes.
/// z       (n, d) of full rank n
/// throws  NumericalError if z is not of full rank or p is too small
Eigen::VectorXd hyperbolic_dual_point(const Eigen::MatrixXd& z, const Eigen::VectorXd& y, const Eigen::VectorXd& p,
                                      const Eigen::VectorXd& r);

}  // namespace quasar
