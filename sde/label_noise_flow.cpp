#include "sde/label_noise_flow.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/errors.h"
#include "core/symmetric_eigen.h"

namespace quasar {
namespace {

/// Components of a vector of R^d along the rows of J removed.
Eigen::VectorXd tangent_part(const Eigen::MatrixXd& jacobian, const Eigen::VectorXd& vector) {
  const Eigen::MatrixXd gram = jacobian * jacobian.transpose();
  return vector - jacobian.transpose() * gram.ldlt().solve(jacobian * vector);
}

Eigen::VectorXd require_interpolation(const InterpolatingModel& model, const Eigen::VectorXd& theta) {
  Interpolation result = interpolate(model, theta);
  if (!result.converged)
    throw NumericalError("the Slow SDE left the manifold: Gauss-Newton stops at residual " +
                         std::to_string(result.residual_norm) + " (take more steps)");
  return std::move(result.theta);
}

}  // namespace

Interpolation interpolate(const InterpolatingModel& model, Eigen::VectorXd theta, double tolerance,
                          int most_iterations) {
  for (int iteration = 0;; ++iteration) {
    const Eigen::VectorXd residual = model.residual(theta);
    const double norm = residual.norm();
    if (!(norm > tolerance) || iteration == most_iterations)
      return {std::move(theta), norm, iteration, norm <= tolerance};
    const Eigen::MatrixXd jacobian = model.jacobian(theta);
    const Eigen::MatrixXd gram = jacobian * jacobian.transpose();
    const double damping = std::min(1.0, 1.0 / norm);
    theta -= damping * (jacobian.transpose() * gram.ldlt().solve(residual));
  }
}

SampleSpectrum sample_spectrum(const Eigen::MatrixXd& jacobian, Eigen::Index num_samples) {
  const Eigen::MatrixXd gram = jacobian * jacobian.transpose() / static_cast<double>(num_samples);
  const auto eigen = symmetric_eigen<Eigen::Dynamic>(gram);
  constexpr double kSmallest = 1e-14;  // rounding can make a tiny eigenvalue negative; the weights need l > 0
  return {eigen.eigenvalues().cwiseMax(kSmallest * eigen.eigenvalues().maxCoeff()), eigen.eigenvectors()};
}

Eigen::VectorXd label_noise_drift(const InterpolatingModel& model, const Eigen::VectorXd& zeta, const LabelNoise& noise,
                                  const DriftWeights& weights) {
  const Eigen::MatrixXd jacobian = model.jacobian(zeta);
  const SampleSpectrum spectrum = sample_spectrum(jacobian, model.num_samples());
  const Eigen::VectorXd w = spectrum.lambda.unaryExpr([&](double lambda) { return weights(lambda, lambda); });
  const Eigen::MatrixXd directions = spectrum.vectors * (w.asDiagonal() * (spectrum.vectors.transpose() * jacobian));
  const double samples = static_cast<double>(model.num_samples());
  const Eigen::VectorXd gradient = 2.0 / samples * model.hessian_products(zeta, directions);
  return -0.25 * noise.strength() * tangent_part(jacobian, gradient);
}

Eigen::VectorXd label_noise_step(const InterpolatingModel& model, const Eigen::VectorXd& zeta, const LabelNoise& noise,
                                 const DriftWeights& weights, double time_step) {
  const Eigen::VectorXd half = zeta + 0.5 * time_step * label_noise_drift(model, zeta, noise, weights);
  const Eigen::VectorXd middle = require_interpolation(model, half);
  return require_interpolation(model, zeta + time_step * label_noise_drift(model, middle, noise, weights));
}

double predicted_train_loss(const SampleSpectrum& spectrum, const LabelNoise& noise, double learning_rate) {
  const double sum = (spectrum.lambda.array() / (1.0 - 0.5 * learning_rate * spectrum.lambda.array())).sum();
  return 0.25 * learning_rate * noise.strength() * sum;
}

double predicted_dispersion(const SampleSpectrum& spectrum, const LabelNoise& noise, double learning_rate,
                            std::int64_t sync_period, int num_workers) {
  double sum = 0.0;
  for (const double lambda : spectrum.lambda) {
    const double decay = pair_decay(learning_rate, lambda, lambda);
    const double relaxed = decay < 1.0 ? -std::expm1(static_cast<double>(sync_period) * std::log1p(-decay))
                                       : 1.0 - std::pow(1.0 - decay, static_cast<double>(sync_period));
    sum += relaxed / (1.0 - 0.5 * learning_rate * lambda);
  }
  return 0.5 * (num_workers - 1.0) * learning_rate * noise.strength() * sum;
}

}  // namespace quasar
