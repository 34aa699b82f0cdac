#include "distributed/networks/residual_blocks.h"

namespace quasar {
namespace {

struct BlockShape {
  std::int64_t inputs, width, outputs;
  int stride;
  Shortcut shortcut;
};

/// downsample.0 and downsample.1.
class Downsample : public torch::nn::Module {
 public:
  Downsample(const BlockShape& shape, Normalization norm) {
    const bool with_bias = norm == Normalization::none;
    convolution_ =
        register_module("0", std::make_shared<Convolution>(shape.inputs, shape.outputs, 1, shape.stride, with_bias));
    norm_ = register_module("1", std::make_shared<Norm>(norm, shape.outputs));
  }
  at::Tensor forward(const at::Tensor& x) const { return norm_->forward(convolution_->forward(x)); }

 private:
  std::shared_ptr<Convolution> convolution_;
  std::shared_ptr<Norm> norm_;
};

/// Convolutions and norms conv1, bn1, ... in a row, and the shortcut.
class ConvolutionBlock : public ResidualBlock {
 public:
  at::Tensor forward(const at::Tensor& x) const final {
    at::Tensor inner = x;
    for (std::size_t layer = 0; layer < convolutions_.size(); ++layer) {
      if (layer > 0) inner = activate(inner, activation_);
      inner = norms_[layer]->forward(convolutions_[layer]->forward(inner));
    }
    return activate(inner.add_(shortcut(x)), activation_);
  }

 protected:
  ConvolutionBlock(const BlockShape& shape, const ImageNetworkOptions& options)
      : shape_(shape), activation_(options.activation), norm_(options.norm) {}

  void append(std::int64_t inputs, std::int64_t outputs, int size, int stride) {
    const std::string number = std::to_string(convolutions_.size() + 1);
    const bool with_bias = norm_ == Normalization::none;
    convolutions_.push_back(
        register_module("conv" + number, std::make_shared<Convolution>(inputs, outputs, size, stride, with_bias)));
    norms_.push_back(register_module("bn" + number, std::make_shared<Norm>(norm_, outputs)));
  }

  void close(bool zero_init_last_norm) {
    if (zero_init_last_norm && norms_.back()->weight.defined()) norms_.back()->weight.detach().zero_();
    if (shape_.shortcut == Shortcut::projection && (shape_.stride != 1 || shape_.inputs != shape_.outputs))
      downsample_ = register_module("downsample", std::make_shared<Downsample>(shape_, norm_));
  }

 private:
  at::Tensor shortcut(const at::Tensor& x) const {
    if (downsample_) return downsample_->forward(x);
    const std::int64_t added = shape_.outputs - shape_.inputs;
    if (added == 0) return x;
    const at::Tensor fewer = x.slice(2, {}, {}, shape_.stride).slice(3, {}, {}, shape_.stride);
    return at::constant_pad_nd(fewer, {0, 0, 0, 0, added / 2, added - added / 2});
  }

  BlockShape shape_;
  Activation activation_;
  Normalization norm_;
  std::vector<std::shared_ptr<Convolution>> convolutions_;
  std::vector<std::shared_ptr<Norm>> norms_;
  std::shared_ptr<Downsample> downsample_;
};

class BasicBlock final : public ConvolutionBlock {
 public:
  BasicBlock(const BlockShape& shape, const ImageNetworkOptions& options) : ConvolutionBlock(shape, options) {
    append(shape.inputs, shape.width, 3, shape.stride);
    append(shape.width, shape.outputs, 3, 1);
    close(options.zero_init_last_norm);
  }
};

/// The stride is the 3 x 3 convolution's, as torchvision's and Goyal et al.'s (He et al.'s was the first 1 x 1's).
class Bottleneck final : public ConvolutionBlock {
 public:
  Bottleneck(const BlockShape& shape, const ImageNetworkOptions& options) : ConvolutionBlock(shape, options) {
    append(shape.inputs, shape.width, 1, 1);
    append(shape.width, shape.width, 3, shape.stride);
    append(shape.width, shape.outputs, 1, 1);
    close(options.zero_init_last_norm);
  }
};

std::shared_ptr<ResidualBlock> make_block(bool bottleneck, const BlockShape& shape,
                                          const ImageNetworkOptions& options) {
  if (bottleneck) return std::make_shared<Bottleneck>(shape, options);
  return std::make_shared<BasicBlock>(shape, options);
}

}  // namespace

ResidualStage::ResidualStage(std::int64_t inputs, std::int64_t width, int stride, int blocks, bool bottleneck,
                             Shortcut shortcut, const ImageNetworkOptions& options) {
  const std::int64_t outputs = bottleneck ? kExpansion * width : width;
  for (int block = 0; block < blocks; ++block) {
    const BlockShape shape{block == 0 ? inputs : outputs, width, outputs, block == 0 ? stride : 1, shortcut};
    blocks_.push_back(register_module(std::to_string(block), make_block(bottleneck, shape, options)));
  }
}

at::Tensor ResidualStage::forward(at::Tensor x) const {
  for (const auto& block : blocks_) x = block->forward(x);
  return x;
}

}  // namespace quasar
