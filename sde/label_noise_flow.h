#pragma once

#include <cstdint>

#include <Eigen/Dense>

#include "core/drift_factors.h"
#include "sde/label_noise.h"

namespace quasar {

/// A model f(x_i; theta) that can fit its n samples exactly, seen in sample space: m constraints f = y, d >> m.
///
/// An abstract class because its only leaf holds a network (memory of another library).
class InterpolatingModel {
 public:
  virtual ~InterpolatingModel() = default;
  virtual Eigen::Index num_samples() const = 0;
  /// f(x_i; theta) - y_i, (m)
  virtual Eigen::VectorXd residual(const Eigen::VectorXd& theta) const = 0;
  /// df_i/dtheta, (m, d)
  virtual Eigen::MatrixXd jacobian(const Eigen::VectorXd& theta) const = 0;
  /// sum_i Hess f_i(theta) directions_i, (d), for directions (m, d)
  virtual Eigen::VectorXd hessian_products(const Eigen::VectorXd& theta, const Eigen::MatrixXd& directions) const = 0;
};

/// Result of a Gauss-Newton projection.
struct Interpolation {
  Eigen::VectorXd theta;
  double residual_norm;
  int iterations;
  bool converged;
};

/// Projects onto {f = y} by Gauss-Newton, theta <- theta - J^T (J J^T)^{-1} r, damped while |r| > 1.
///
/// A retraction, not Phi: away from the manifold the two differ at second order (see gradient_flow.h).
Interpolation interpolate(const InterpolatingModel& model, Eigen::VectorXd theta, double tolerance = 1e-11,
                          int most_iterations = 100);

/// Eigenpairs of the n-sample matrix J J^T / n; its eigenvalues are the non-zero ones of the loss Hessian J^T J / n.
struct SampleSpectrum {
  Eigen::VectorXd lambda;   ///< ascending, (m)
  Eigen::MatrixXd vectors;  ///< (m, m)
  double trace() const { return lambda.sum(); }
  double largest() const { return lambda[lambda.size() - 1]; }
};
SampleSpectrum sample_spectrum(const Eigen::MatrixXd& jacobian, Eigen::Index num_samples);

/// Slow SDE of Local SGD with label noise on squared loss: an ODE, since Sigma = delta^2 Hess L leaves no tangent noise.
///
///   d zeta/dt = -(delta^2/4B) P_T (2/n) sum_i Hess f_i (W J)_i,   W = V diag(w(l_i, l_i)) V^T,
///   P_T = I - J^T (J J^T)^{-1} J
///
/// the drift -(1/2B) D3L[...] of Gu et al. 2024, Def. 3.1-3.3 (Gu et al. 2023, section on label noise), in sample space:
/// no d x d matrix is formed.
///
/// zeta     point with f = y, (d)
/// returns  tangent velocity per unit slow time, (d)
/// cost     one Jacobian, one m x m eigendecomposition, one Hessian-vector product a sample
/// Not checked: that zeta interpolates; that J has full rank.
Eigen::VectorXd label_noise_drift(const InterpolatingModel& model, const Eigen::VectorXd& zeta, const LabelNoise& noise,
                                  const DriftWeights& weights);

/// One midpoint step of the ODE, each stage projected back onto {f = y}; error O(dt^3).
///
/// throws  NumericalError if a projection does not converge
Eigen::VectorXd label_noise_step(const InterpolatingModel& model, const Eigen::VectorXd& zeta, const LabelNoise& noise,
                                 const DriftWeights& weights, double time_step);

/// Stationary training loss of the averaged iterate: (eta delta^2/4B) sum_i l_i / (1 - eta l_i/2).
double predicted_train_loss(const SampleSpectrum& spectrum, const LabelNoise& noise, double learning_rate);

/// Dispersion between workers just before an average, E|theta_k - mean|^2:
///   (K-1) (eta delta^2/2B) sum_i (1 - rho_i^H) / (1 - eta l_i/2),   rho_i = (1 - eta l_i)^2
double predicted_dispersion(const SampleSpectrum& spectrum, const LabelNoise& noise, double learning_rate,
                            std::int64_t sync_period, int num_workers);

}  // namespace quasar
