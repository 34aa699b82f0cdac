#pragma once

#include <cmath>

#include "core/jet_loss.h"
#include "toy_models/dynamic_landscape.h"

namespace quasar {

/// The steps of TanhNetworkFormulas.
struct TanhNetworkSteps {
  const double* inputs;  ///< z, one input of all samples after the other
  const double* labels;  ///< y
  Eigen::Index n, p;     ///< samples and inputs
  Eigen::Index width;
  double noise_scale;

  QUASAR_HD Eigen::Index size() const { return width * (p + 2); }
  QUASAR_HD Eigen::Index noise_dim() const { return n; }
  QUASAR_HD double noise_amplitude() const { return noise_scale * square_root(static_cast<double>(n)); }
  QUASAR_HD Eigen::Index scratch_rows() const { return width; }

  /// By backpropagation: dL/da_k = (1/n) sum_i r_i c_k (1 - t_ik^2) z_i with t_ik = tanh(<a_k, z_i> + b_k).
  template <int Lanes, int Stride = Lanes, class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g, Real* t) const {
    const Eigen::Index rows_of_unit = (p + 2) * Stride;
    const auto weight = static_cast<Real>(1.0 / static_cast<double>(n));
    rows::fill<Lanes, Stride>(Real(0), g, width * (p + 2));
    for (Eigen::Index i = 0; i < n; ++i) {
      const double* const z = inputs + i;  // every n-th
      Real residual[Lanes];
      const auto minus_label = static_cast<Real>(-labels[i]);
      for (int l = 0; l < Lanes; ++l) residual[l] = minus_label + noise[i * Stride + l];
      for (Eigen::Index k = 0; k < width; ++k) {
        const Real *const a = x + k * rows_of_unit, *const b = a + p * Stride, *const c = b + Stride;
        Real activation[Lanes];
        for (int l = 0; l < Lanes; ++l) activation[l] = b[l];
        for (Eigen::Index j = 0; j < p; ++j)
          rows::add_product<Lanes>(static_cast<Real>(z[j * n]), a + j * Stride, activation);
        for (int l = 0; l < Lanes; ++l) activation[l] = hyperbolic_tangent(activation[l]);
        for (int l = 0; l < Lanes; ++l) t[k * Stride + l] = activation[l];
        rows::add_product<Lanes>(c, activation, residual);
      }
      for (int l = 0; l < Lanes; ++l) residual[l] *= weight;
      for (Eigen::Index k = 0; k < width; ++k) {
        const Real *const c = x + k * rows_of_unit + (p + 1) * Stride, *const tanh_k = t + k * Stride;
        Real* const slope = g + k * rows_of_unit;
        Real inner[Lanes];
        for (int l = 0; l < Lanes; ++l)
          inner[l] = residual[l] * c[l] * fused_multiply_add(-tanh_k[l], tanh_k[l], Real(1));
        for (Eigen::Index j = 0; j < p; ++j)
          rows::add_product<Lanes>(static_cast<Real>(z[j * n]), inner, slope + j * Stride);
        rows::add_product<Lanes>(Real(1), inner, slope + p * Stride);
        rows::add_product<Lanes>(residual, tanh_k, slope + (p + 1) * Stride);
      }
    }
  }
};

/// The formulas of a network with one hidden layer, a handful of samples and label noise; its derivatives are by jets,
/// but for the gradient of the steps.
///
///   f(z; theta) = sum_k c_k tanh(<a_k, z> + b_k),   L = (1/2n) sum_i (f(z_i) - y_i)^2,   S = s2 J^T J/n
///
/// theta = (a_k, b_k, c_k) unit by unit, d = width (inputs + 2); J is the n x d Jacobian of the outputs. The noise is on
/// the labels: batches of B samples drawn with replacement and label noise delta have s2 = delta^2/B on the manifold
/// f = y, where H = J^T J/n, so that S = s2 H and the Slow SDE is an ODE.     theory: sde/label_noise_flow.h, T14
struct TanhNetworkFormulas {
  Eigen::MatrixXd inputs;    ///< z, (n, inputs)
  Eigen::VectorXd labels;    ///< y, (n)
  int width = 1;             ///< hidden units
  double noise_scale = 1.0;  ///< sqrt(s2) of the total batch

  Eigen::Index size() const { return width * (inputs.cols() + 2); }

  template <class Placed>
  TanhNetworkSteps steps(const Placed& placed) const {
    return {placed(inputs.data(), inputs.size()),
            placed(labels.data(), labels.size()),
            labels.size(),
            inputs.cols(),
            width,
            noise_scale};
  }

  template <class Real>
  Real output(const Real* theta, Eigen::Index sample) const {
    using std::tanh;
    const Eigen::Index p = inputs.cols();
    Real sum(0.0);
    for (int k = 0; k < width; ++k) {
      const Real* unit = theta + k * (p + 2);
      Real activation = unit[p];
      for (Eigen::Index j = 0; j < p; ++j) activation += unit[j] * inputs(sample, j);
      sum += unit[p + 1] * tanh(activation);
    }
    return sum;
  }

  template <class Real>
  Real value(const Real* theta) const {
    Real sum(0.0);
    for (Eigen::Index i = 0; i < labels.size(); ++i) {
      const Real residual = output(theta, i) - labels[i];
      sum += residual * residual;
    }
    return sum * (0.5 / static_cast<double>(labels.size()));
  }

  Eigen::VectorXd residual(const Eigen::VectorXd& theta) const {
    Eigen::VectorXd r(labels.size());
    for (Eigen::Index i = 0; i < r.size(); ++i) r[i] = output(theta.data(), i) - labels[i];
    return r;
  }
  /// J, (n, d)
  Eigen::MatrixXd jacobian(const Eigen::VectorXd& theta) const {
    Eigen::MatrixXd j(labels.size(), theta.size());
    for (Eigen::Index i = 0; i < j.rows(); ++i)
      j.row(i) = jet_gradient<Eigen::Dynamic>([&](const auto* x) { return output(x, i); }, theta).transpose();
    return j;
  }
  Eigen::MatrixXd covariance(const Eigen::VectorXd& theta) const {
    const Eigen::MatrixXd j = jacobian(theta);
    return noise_scale * noise_scale / static_cast<double>(labels.size()) * (j.transpose() * j);
  }
};

/// The network as a Loss with its noise, in d up to a few hundred.
using TanhNetwork = JetLoss<TanhNetworkFormulas, Eigen::Dynamic>;

}  // namespace quasar
