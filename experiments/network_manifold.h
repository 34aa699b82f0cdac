#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "distributed/data/image_classification.h"
#include "distributed/networks/tanh_mlp.h"
#include "sde/label_noise_flow.h"

namespace quasar {

/// A network of distributed/ seen as the interpolating model of sde/: Jacobians and second-derivative products by
/// LibTorch in double precision, one batched pass each with a copy of the parameters a sample.
class NetworkManifold final : public InterpolatingModel {
 public:
  NetworkManifold(const TanhMlp& network, const RegressionSet& data);

  Eigen::Index num_samples() const override { return data_.count; }
  Eigen::VectorXd residual(const Eigen::VectorXd& theta) const override;
  Eigen::MatrixXd jacobian(const Eigen::VectorXd& theta) const override;
  Eigen::VectorXd hessian_products(const Eigen::VectorXd& theta, const Eigen::MatrixXd& directions) const override;

  /// grad of L = |residual|^2 / 2n, (d), by one backward pass.
  Eigen::VectorXd loss_gradient(const Eigen::VectorXd& theta) const;
  double loss(const Eigen::VectorXd& theta) const { return residual(theta).squaredNorm() / (2.0 * data_.count); }

  /// Share of the samples of another set whose class the network names correctly.
  double accuracy(const Eigen::VectorXd& theta, const RegressionSet& set) const;

 private:
  /// One copy of the parameters a sample, as leaves of a new graph.
  std::vector<at::Tensor> copies_for_samples(const Eigen::VectorXd& theta) const;

  TanhMlp network_;
  RegressionSet data_;
  at::Tensor inputs_;  ///< (n, 1, p)
};

Eigen::VectorXd to_eigen(const at::Tensor& vector);
at::Tensor to_tensor(const Eigen::VectorXd& vector);

}  // namespace quasar
