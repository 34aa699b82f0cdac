#include "distributed/networks/image_network.h"

namespace quasar {
namespace {

/// y = f(norm(conv(f(norm(conv x)))) + shortcut(x)).
///
/// The shortcut of a block that halves the image has no parameters: every second pixel, and zero channels on both
/// sides (option A of He et al. 2016, arXiv:1512.03385, with which ResNet-20 has their 0.27 million parameters).
class BasicBlock : public torch::nn::Module {
 public:
  BasicBlock(std::int64_t inputs, std::int64_t outputs, int stride, const ImageNetworkOptions& options)
      : activation_(options.activation), stride_(stride), new_channels_(outputs - inputs) {
    const bool with_bias = options.norm == Normalization::none;
    conv1_ = register_module("conv1", std::make_shared<Convolution>(inputs, outputs, 3, stride, with_bias));
    bn1_ = register_module("bn1", std::make_shared<Norm>(options.norm, outputs));
    conv2_ = register_module("conv2", std::make_shared<Convolution>(outputs, outputs, 3, 1, with_bias));
    bn2_ = register_module("bn2", std::make_shared<Norm>(options.norm, outputs));
    if (options.zero_init_last_norm && bn2_->weight.defined()) bn2_->weight.detach().zero_();
  }

  at::Tensor forward(const at::Tensor& x) const {
    const at::Tensor inner = activate(bn1_->forward(conv1_->forward(x)), activation_);
    return activate(bn2_->forward(conv2_->forward(inner)).add_(shortcut(x)), activation_);
  }

 private:
  at::Tensor shortcut(const at::Tensor& x) const {
    if (new_channels_ == 0) return x;
    const at::Tensor fewer = x.slice(2, {}, {}, stride_).slice(3, {}, {}, stride_);
    return at::constant_pad_nd(fewer, {0, 0, 0, 0, new_channels_ / 2, new_channels_ - new_channels_ / 2});
  }

  Activation activation_;
  int stride_;
  std::int64_t new_channels_;
  std::shared_ptr<Convolution> conv1_, conv2_;
  std::shared_ptr<Norm> bn1_, bn2_;
};

class Stage : public torch::nn::Module {
 public:
  Stage(std::int64_t inputs, std::int64_t outputs, int stride, int blocks, const ImageNetworkOptions& options) {
    for (int block = 0; block < blocks; ++block)
      blocks_.push_back(register_module(
          std::to_string(block),
          std::make_shared<BasicBlock>(block == 0 ? inputs : outputs, outputs, block == 0 ? stride : 1, options)));
  }

  at::Tensor forward(at::Tensor x) const {
    for (const auto& block : blocks_) x = block->forward(x);
    return x;
  }

 private:
  std::vector<std::shared_ptr<BasicBlock>> blocks_;
};

/// The residual network for small images: a 3 x 3 stem, three stages of w, 2w, 4w channels, the mean over the image, fc.
class Resnet : public ImageNetwork {
 public:
  Resnet(const ImageNetworkOptions& options, int blocks) : activation_(options.activation) {
    const std::int64_t width = options.width;
    const bool with_bias = options.norm == Normalization::none;
    conv1_ = register_module("conv1", std::make_shared<Convolution>(options.channels, width, 3, 1, with_bias));
    bn1_ = register_module("bn1", std::make_shared<Norm>(options.norm, width));
    layer1_ = register_module("layer1", std::make_shared<Stage>(width, width, 1, blocks, options));
    layer2_ = register_module("layer2", std::make_shared<Stage>(width, 2 * width, 2, blocks, options));
    layer3_ = register_module("layer3", std::make_shared<Stage>(2 * width, 4 * width, 2, blocks, options));
    fc_ = register_module("fc", std::make_shared<Linear>(4 * width, options.classes));
  }

  at::Tensor forward(at::Tensor images) override {
    const at::Tensor stem = activate(bn1_->forward(conv1_->forward(images)), activation_);
    return fc_->forward(at::mean(layer3_->forward(layer2_->forward(layer1_->forward(stem))), {2, 3}));
  }

 private:
  Activation activation_;
  std::shared_ptr<Convolution> conv1_;
  std::shared_ptr<Norm> bn1_;
  std::shared_ptr<Stage> layer1_, layer2_, layer3_;
  std::shared_ptr<Linear> fc_;
};

}  // namespace

std::shared_ptr<ImageNetwork> make_resnet(const ImageNetworkOptions& options, int blocks_per_stage) {
  return std::make_shared<Resnet>(options, blocks_per_stage);
}

}  // namespace quasar
