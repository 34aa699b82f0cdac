#include "toy_models/least_norm_solution.h"

#include <Eigen/Dense>

namespace quasar {

Eigen::VectorXd least_norm_solution(const Eigen::MatrixXd& a, const Eigen::VectorXd& b) {
  return a.completeOrthogonalDecomposition().solve(b);
}

}  // namespace quasar
