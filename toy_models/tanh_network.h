#pragma once

#include <cmath>

#include "core/jet_loss.h"

namespace quasar {

/// The formulas of a network with one hidden layer, a handful of samples and label noise; its derivatives are by jets.
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
