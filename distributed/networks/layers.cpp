#include "distributed/networks/layers.h"

namespace quasar {
namespace {

constexpr int kGroups = 8;
constexpr double kEpsilon = 1e-5;

}  // namespace

at::Tensor activate(const at::Tensor& inputs, Activation activation) {
  if (activation == Activation::relu) return at::relu(inputs);
  if (activation == Activation::silu) return at::silu(inputs);
  return at::tanh(inputs);
}

Linear::Linear(std::int64_t inputs, std::int64_t outputs, bool with_bias)
    : weight(register_parameter("weight", at::zeros({outputs, inputs}))) {
  if (with_bias) bias = register_parameter("bias", at::zeros({outputs}));
}

at::Tensor Linear::forward(const at::Tensor& inputs) const { return at::linear(inputs, weight, bias); }

Embedding::Embedding(std::int64_t count, std::int64_t width)
    : weight(register_parameter("weight", at::zeros({count, width}))) {}

at::Tensor Embedding::forward(const at::Tensor& numbers) const { return at::embedding(weight, numbers); }

Convolution::Convolution(std::int64_t inputs, std::int64_t outputs, int size, int stride, bool with_bias)
    : weight(register_parameter("weight", at::zeros({outputs, inputs, size, size}))),
      stride_(stride),
      padding_(size / 2) {
  if (with_bias) bias = register_parameter("bias", at::zeros({outputs}));
}

at::Tensor Convolution::forward(const at::Tensor& inputs) const {
  return at::conv2d(inputs, weight, bias, stride_, padding_);
}

Norm::Norm(Normalization kind, std::int64_t channels) : kind_(kind) {
  if (kind == Normalization::none) return;
  weight = register_parameter("weight", at::ones({channels}));
  bias = register_parameter("bias", at::zeros({channels}));
  if (kind != Normalization::batch) return;
  running_mean = register_buffer("running_mean", at::zeros({channels}));
  running_var = register_buffer("running_var", at::ones({channels}));
}

at::Tensor Norm::forward(const at::Tensor& inputs) const {
  if (kind_ == Normalization::none) return inputs;
  if (kind_ == Normalization::group) return at::group_norm(inputs, kGroups, weight, bias, kEpsilon);
  return at::batch_norm(inputs, weight, bias, running_mean, running_var, is_training(), momentum, kEpsilon, true);
}

LayerNorm::LayerNorm(std::int64_t width, double epsilon)
    : weight(register_parameter("weight", at::ones({width}))),
      bias(register_parameter("bias", at::zeros({width}))),
      epsilon_(epsilon) {}

at::Tensor LayerNorm::forward(const at::Tensor& inputs) const {
  return at::layer_norm(inputs, weight.sizes(), weight, bias, epsilon_);
}

RmsNorm::RmsNorm(std::int64_t width, double epsilon)
    : weight(register_parameter("weight", at::ones({width}))), epsilon_(epsilon) {}

at::Tensor RmsNorm::forward(const at::Tensor& inputs) const {
  return at::rms_norm(inputs, weight.sizes(), weight, epsilon_);
}

}  // namespace quasar
