#pragma once

#include <cmath>
#include <cstdint>

#include <Eigen/Dense>

#include "core/errors.h"
#include "core/estimate.h"
#include "sde/noise_law.h"

namespace quasar {

/// A mean estimated with control variates.
struct ControlledMean {
  Estimate mean;
  double variance_ratio;  ///< of the plain values to what the controls leave: so many times fewer paths are needed
};

/// Mean of values f_i by their regression on controls c_i whose means are known to be 0.
///
///   mean(f) - beta^T mean(c),   beta = least squares of f on (1, c)      Glasserman 2003, Monte Carlo Methods, section 4.1
///
/// values    (n)
/// controls  (n, k)
/// returns   standard error from the residuals with n - 1 - k degrees of freedom; beta is estimated from the same
///           values, which biases the mean by O(k/n)
/// throws    NumericalError if n < k + 2
/// cost      O(n k^2)
/// Not checked: that the controls have mean 0; one that has not shifts the mean by beta times its own.
inline ControlledMean controlled_mean(const Eigen::VectorXd& values, const Eigen::MatrixXd& controls) {
  const Eigen::Index n = values.size(), k = controls.cols();
  if (n < k + 2) throw NumericalError("control variates need more paths than controls");
  Eigen::MatrixXd design(n, k + 1);
  design << Eigen::VectorXd::Ones(n), controls;
  const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> solver(design);
  const Eigen::VectorXd beta = solver.solve(values);
  const double residual = (values - design * beta).squaredNorm() / static_cast<double>(n - 1 - k);
  // the intercept's variance: residual times the first diagonal element of the inverse normal matrix
  const Eigen::MatrixXd normal = design.transpose() * design;
  const double factor = normal.ldlt().solve(Eigen::VectorXd::Unit(k + 1, 0))[0];
  const double plain = (values.array() - values.mean()).square().sum() / static_cast<double>(n - 1);
  return {{beta[0], std::sqrt(residual * factor)}, plain / residual};
}

/// Controls of mean 0 from the Brownian motion that drives a path: W_i and W_i W_j - T delta_ij for i <= j, where
/// W = sqrt(h) sum of the increments of (path, 0 .. steps - 1) and T = steps h.
///
/// returns  (d + d(d+1)/2)
/// cost     the path's noise drawn again
template <int Dim>
Eigen::VectorXd brownian_controls(NoiseLaw law, std::uint64_t seed, std::int64_t path, std::int64_t steps,
                                  double time_step, Eigen::Index size = Dim) {
  Vec<Dim> w = Vec<Dim>::Zero(size);
  for (std::int64_t step = 0; step < steps; ++step)
    w += std::sqrt(time_step) * draw_step_noise<Dim>(law, seed, path, step, size).increments;
  Eigen::VectorXd controls(size + size * (size + 1) / 2);
  controls.head(size) = w;
  Eigen::Index next = size;
  for (Eigen::Index j = 0; j < size; ++j)
    for (Eigen::Index i = 0; i <= j; ++i)
      controls[next++] = w[i] * w[j] - (i == j ? static_cast<double>(steps) * time_step : 0.0);
  return controls;
}

}  // namespace quasar
