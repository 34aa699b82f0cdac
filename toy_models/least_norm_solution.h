#pragma once

#include <Eigen/Core>

namespace quasar {

/// The x of least norm among those with the least |a x - b|: a^+ b. Compiled once for all sizes.
Eigen::VectorXd least_norm_solution(const Eigen::MatrixXd& a, const Eigen::VectorXd& b);

}  // namespace quasar
