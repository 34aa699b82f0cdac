#pragma once

#include <cstdint>

#include <torch/nn/module.h>

namespace quasar {

enum class Activation { relu, silu, tanh };
enum class Normalization { none, batch, group };

at::Tensor activate(const at::Tensor& inputs, Activation activation);

// torch::nn's own layers draw a start from the process-wide generator when they are made. These are drawn by
// make_image_network, from named draws, so that K threads may make the same network at once.

/// y = W x + b; b starts at 0.
class Linear : public torch::nn::Module {
 public:
  Linear(std::int64_t inputs, std::int64_t outputs, bool with_bias = true);
  at::Tensor forward(const at::Tensor& inputs) const;
  at::Tensor weight, bias;
};

/// Row n of a table for each number n.
class Embedding : public torch::nn::Module {
 public:
  Embedding(std::int64_t count, std::int64_t width);
  at::Tensor forward(const at::Tensor& numbers) const;
  at::Tensor weight;
};

/// Square convolution that keeps the image's size at stride 1; without a bias if a norm follows.
class Convolution : public torch::nn::Module {
 public:
  Convolution(std::int64_t inputs, std::int64_t outputs, int size, int stride = 1, bool with_bias = false);
  at::Tensor forward(const at::Tensor& inputs) const;
  at::Tensor weight, bias;

 private:
  int stride_, padding_;
};

/// Batch norm, group norm of 8 groups, or nothing; weight 1 and bias 0 at the start.
///
/// Batch norm in training replaces running <- (1 - momentum) running + momentum batch, the batch's variance unbiased.
class Norm : public torch::nn::Module {
 public:
  static constexpr double kMomentum = 0.1;  ///< PyTorch's

  Norm(Normalization kind, std::int64_t channels);
  at::Tensor forward(const at::Tensor& inputs) const;
  at::Tensor weight, bias, running_mean, running_var;
  double momentum = kMomentum;

 private:
  Normalization kind_;
};

/// Layer norm over the last dimension; weight 1 and bias 0 at the start.
class LayerNorm : public torch::nn::Module {
 public:
  LayerNorm(std::int64_t width, double epsilon);
  at::Tensor forward(const at::Tensor& inputs) const;
  at::Tensor weight, bias;

 private:
  double epsilon_;
};

/// y = w x / sqrt(mean(x^2) + epsilon) over the last dimension (Zhang and Sennrich 2019, arXiv:1910.07467); w starts at 1.
class RmsNorm : public torch::nn::Module {
 public:
  RmsNorm(std::int64_t width, double epsilon);
  at::Tensor forward(const at::Tensor& inputs) const;
  at::Tensor weight;

 private:
  double epsilon_;
};

}  // namespace quasar
