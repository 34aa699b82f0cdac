#include "experiments/network_manifold.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

namespace quasar {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

at::Tensor features_of(const RegressionSet& set) {
  return at::tensor(at::ArrayRef<double>(set.inputs), at::kDouble).view({set.count, set.features});
}

/// Tensors (n, ...) side by side as rows (n, d).
at::Tensor as_rows(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> blocks;
  for (const auto& tensor : tensors) blocks.push_back(tensor.reshape({tensor.size(0), -1}));
  return at::cat(blocks, 1);
}

Eigen::Map<const RowMajor> as_matrix(const at::Tensor& rows) {
  return {rows.const_data_ptr<double>(), rows.size(0), rows.size(1)};
}

}  // namespace

Eigen::VectorXd to_eigen(const at::Tensor& vector) {
  const at::Tensor plain = vector.detach().to(at::kDouble).contiguous();
  return Eigen::Map<const Eigen::VectorXd>(plain.const_data_ptr<double>(), plain.numel());
}

at::Tensor to_tensor(const Eigen::VectorXd& vector) {
  return at::tensor(at::ArrayRef<double>(vector.data(), static_cast<std::size_t>(vector.size())), at::kDouble);
}

NetworkManifold::NetworkManifold(const TanhMlp& network, const RegressionSet& data)
    : network_(network), data_(data), inputs_(features_of(data).unsqueeze(1)) {}

std::vector<at::Tensor> NetworkManifold::copies_for_samples(const Eigen::VectorXd& theta) const {
  std::vector<at::Tensor> copies;
  for (const auto& view : network_.views(network_.rows_to_flat(to_tensor(theta).unsqueeze(0)), 1)) {
    std::vector<std::int64_t> shape = view.sizes().vec();
    shape[0] = data_.count;
    copies.push_back(view.expand(shape).clone().requires_grad_());
  }
  return copies;
}

Eigen::VectorXd NetworkManifold::residual(const Eigen::VectorXd& theta) const {
  const auto views = network_.views(network_.rows_to_flat(to_tensor(theta).unsqueeze(0)), 1);
  const at::Tensor outputs = network_.forward(views, inputs_.transpose(0, 1));
  return to_eigen(outputs.reshape(-1)) -
         Eigen::Map<const Eigen::VectorXd>(data_.targets.data(), data_.count * data_.outputs);
}

Eigen::MatrixXd NetworkManifold::jacobian(const Eigen::VectorXd& theta) const {
  const auto copies = copies_for_samples(theta);
  const at::Tensor outputs = network_.forward(copies, inputs_);
  Eigen::MatrixXd result(data_.count * data_.outputs, theta.size());
  for (int output = 0; output < data_.outputs; ++output) {
    const auto gradients = torch::autograd::grad({outputs.select(2, output).sum()}, copies, {}, /*retain_graph=*/true);
    const at::Tensor rows = as_rows(gradients);
    const auto of_samples = as_matrix(rows);
    for (int sample = 0; sample < data_.count; ++sample)
      result.row(sample * data_.outputs + output) = of_samples.row(sample);
  }
  return result;
}

Eigen::VectorXd NetworkManifold::hessian_products(const Eigen::VectorXd& theta,
                                                  const Eigen::MatrixXd& directions) const {
  const auto copies = copies_for_samples(theta);
  const at::Tensor outputs = network_.forward(copies, inputs_);
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(theta.size());
  for (int output = 0; output < data_.outputs; ++output) {
    RowMajor chosen(data_.count, theta.size());
    for (int sample = 0; sample < data_.count; ++sample)
      chosen.row(sample) = directions.row(sample * data_.outputs + output);
    const at::Tensor weights = at::from_blob(chosen.data(), {data_.count, theta.size()}, at::kDouble);
    const auto gradients =
        torch::autograd::grad({outputs.select(2, output).sum()}, copies, {}, true, /*create_graph=*/true);
    // the output is linear in its own bias: that tensor has no second derivative and stays out of the graph
    const auto products = torch::autograd::grad({(as_rows(gradients) * weights).sum()}, copies, {}, true, false, true);
    std::vector<at::Tensor> defined;
    for (std::size_t i = 0; i < copies.size(); ++i)
      defined.push_back(products[i].defined() ? products[i] : at::zeros_like(copies[i]));
    const at::Tensor rows = as_rows(defined);
    sum += as_matrix(rows).colwise().sum().transpose();
  }
  return sum;
}

Eigen::VectorXd NetworkManifold::loss_gradient(const Eigen::VectorXd& theta) const {
  auto views = network_.views(network_.rows_to_flat(to_tensor(theta).unsqueeze(0)), 1);
  for (auto& view : views) view = view.detach().requires_grad_();
  const at::Tensor targets =
      at::tensor(at::ArrayRef<double>(data_.targets), at::kDouble).view({1, data_.count, data_.outputs});
  const at::Tensor outputs = network_.forward(views, inputs_.transpose(0, 1));
  const at::Tensor loss = (outputs - targets).square().sum() / (2.0 * data_.count);
  const at::Tensor rows = as_rows(torch::autograd::grad({loss}, views));
  return to_eigen(rows.reshape(-1));
}

double NetworkManifold::accuracy(const Eigen::VectorXd& theta, const RegressionSet& set) const {
  const auto views = network_.views(network_.rows_to_flat(to_tensor(theta).unsqueeze(0)), 1);
  const at::Tensor outputs = network_.forward(views, features_of(set).unsqueeze(0)).squeeze(0);
  const at::Tensor named = set.outputs == 1 ? outputs.squeeze(1).lt(0).to(at::kLong) : outputs.argmax(1);
  const at::Tensor classes = at::tensor(at::ArrayRef<int>(set.classes), at::kLong);
  return named.eq(classes).to(at::kDouble).mean().item<double>();
}

}  // namespace quasar
