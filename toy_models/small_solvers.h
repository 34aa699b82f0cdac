#pragma once

#include <Eigen/Core>

/// Solvers that landscapes' projections need, compiled once for all sizes.
namespace quasar {

/// The x of least norm among those with the least |a x - b|: a^+ b.
Eigen::VectorXd least_norm_solution(const Eigen::MatrixXd& a, const Eigen::VectorXd& b);

/// argmin_a sum_j p_j cosh 2(r + z^T a)_j - <a, y>: the dual of the fit of least hyperbolic entropy (diagonal_network.h).
///
/// Newton's method with the step ln(1 + c)/c, which converges from every start since the third derivative along it is at
/// most c times the second.                               Sun and Tran-Dinh 2019, Math. Program. 178, 145
/// z       (n, d) of full rank n
/// throws  NumericalError if z is not of full rank or p is too small
Eigen::VectorXd hyperbolic_dual_point(const Eigen::MatrixXd& z, const Eigen::VectorXd& y, const Eigen::VectorXd& p,
                                      const Eigen::VectorXd& r);

}  // namespace quasar
