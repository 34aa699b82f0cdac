#pragma once

#include "core/elementary.h"
#include "core/loss.h"
#include "toy_models/least_norm_solution.h"

namespace quasar {

/// Linear regression on a few samples: the simplest mean of losses whose gradients differ at the minimum.
///
///   L(x) = (1/2N) sum_i (z_i x - y_i)^2,   S = s2 Z^T Z/N (label noise),   Phi(x) = x - H^+ grad L(x),  H = Z^T Z/N
///
/// The gradient of a sample is (z_i x - y_i) z_i; drawn uniformly it has covariance
///   C(x) = (1/N) sum_i (z_i x - y_i)^2 z_i z_i^T - grad L grad L^T.
template <int Dim, int Samples>
struct LeastSquares {
  static constexpr int dim = Dim;
  static constexpr int noise_dim = Samples;
  static constexpr int num_samples = Samples;

  double inputs[Samples][Dim];  ///< z
  double labels[Samples];       ///< y
  double noise_scale = 1.0;     ///< sqrt(s2): a batch of B samples with label noise delta has s2 = delta^2/B

  template <class Real>
  QUASAR_HD void sample_gradient(const Real* x, int sample, Real* g) const {
    for (int j = 0; j < Dim; ++j) g[j] = Real(0);
    add_sample(x, sample, Real(0), Real(1), g);
  }

  template <class Real>
  QUASAR_HD void gradient(const Real* x, Real* g) const {
    const Real noise[Samples] = {};
    noisy_gradient(x, noise, g);
  }

  template <class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g) const {
    const Real spread = static_cast<Real>(noise_scale * __builtin_sqrt(static_cast<double>(Samples)));
    for (int j = 0; j < Dim; ++j) g[j] = Real(0);
    for (int i = 0; i < Samples; ++i) add_sample(x, i, spread * noise[i], static_cast<Real>(1.0 / Samples), g);
  }

  double value(const Vec<dim>& x) const { return residuals(x).squaredNorm() / (2.0 * Samples); }
  Vec<dim> gradient(const Vec<dim>& x) const {
    Vec<dim> g;
    gradient(x.data(), g.data());
    return g;
  }
  Mat<dim> hessian(const Vec<dim>&) const { return data().transpose() * data() / Samples; }
  Vec<dim> third_derivative(const Vec<dim>&, const Mat<dim>&) const { return Vec<dim>::Zero(); }
  Mat<dim> covariance(const Vec<dim>& x) const { return noise_scale * noise_scale * hessian(x); }
  Vec<dim> project(const Vec<dim>& x) const { return x - Vec<dim>(least_norm_solution(data(), residuals(x))); }
  /// C(x)
  Mat<dim> sample_covariance(const Vec<dim>& x) const {
    const Eigen::Matrix<double, Samples, dim> gradients = residuals(x).asDiagonal() * data();
    const Vec<dim> mean = gradients.colwise().mean();
    return gradients.transpose() * gradients / Samples - mean * mean.transpose();
  }

 private:
  using RowMatrix = Eigen::Matrix<double, Samples, Dim, Dim == 1 ? Eigen::ColMajor : Eigen::RowMajor>;
  Eigen::Map<const RowMatrix> data() const { return Eigen::Map<const RowMatrix>(&inputs[0][0]); }
  Vec<Samples> residuals(const Vec<dim>& x) const { return data() * x - Eigen::Map<const Vec<Samples>>(labels); }
  /// g <- g + weight (z_i x - y_i + noise) z_i
  template <class Real>
  QUASAR_HD void add_sample(const Real* x, int i, Real noise, Real weight, Real* g) const {
    Real residual = noise - static_cast<Real>(labels[i]);
    for (int j = 0; j < Dim; ++j) residual = fused_multiply_add(static_cast<Real>(inputs[i][j]), x[j], residual);
    for (int j = 0; j < Dim; ++j) g[j] = fused_multiply_add(weight * static_cast<Real>(inputs[i][j]), residual, g[j]);
  }
};

}  // namespace quasar
