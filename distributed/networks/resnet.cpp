#include <algorithm>

#include "core/errors.h"
#include "distributed/networks/image_network.h"
#include "distributed/networks/layers.h"
#include "distributed/networks/residual_blocks.h"

namespace quasar {
namespace {

/// How a residual network of a name differs from the others; each stage after the first halves the image and doubles the
/// width.
struct ResnetShape {
  const char* name;
  std::vector<int> blocks;  ///< a stage
  bool bottleneck;
  Shortcut shortcut;
};

/// He et al. 2016 (arXiv:1512.03385), tables 1 and 6.
const ResnetShape& shape_of(const std::string& name) {
  static const std::vector<ResnetShape> shapes{
      {"resnet20", {3, 3, 3}, false, Shortcut::padding},       {"resnet56", {9, 9, 9}, false, Shortcut::padding},
      {"resnet18", {2, 2, 2, 2}, false, Shortcut::projection}, {"resnet34", {3, 4, 6, 3}, false, Shortcut::projection},
      {"resnet50", {3, 4, 6, 3}, true, Shortcut::projection},  {"resnet101", {3, 4, 23, 3}, true, Shortcut::projection},
      {"resnet152", {3, 8, 36, 3}, true, Shortcut::projection}};
  const auto found =
      std::find_if(shapes.begin(), shapes.end(), [&name](const ResnetShape& shape) { return shape.name == name; });
  if (found == shapes.end()) throw ConfigError("network.name = " + name + " is not a network of quasar's");
  return *found;
}

/// A stem (7 x 7 of stride 2 and max pooling, or 3 x 3), stages layer1, layer2, ..., the mean over the image, fc.
class Resnet : public ImageNetwork {
 public:
  Resnet(const ImageNetworkOptions& options, const ResnetShape& shape)
      : activation_(options.activation),
        imagenet_stem_(shape.shortcut == Shortcut::projection && options.stem == Stem::imagenet) {
    const std::int64_t width = options.width;
    const bool with_bias = options.norm == Normalization::none;
    const int size = imagenet_stem_ ? 7 : 3, stride = imagenet_stem_ ? 2 : 1;
    conv1_ = register_module("conv1", std::make_shared<Convolution>(options.channels, width, size, stride, with_bias));
    bn1_ = register_module("bn1", std::make_shared<Norm>(options.norm, width));
    std::int64_t channels = width;
    for (std::size_t stage = 0; stage < shape.blocks.size(); ++stage) {
      const std::int64_t stage_width = width << stage;
      stages_.push_back(register_module(
          "layer" + std::to_string(stage + 1),
          std::make_shared<ResidualStage>(channels, stage_width, stage == 0 ? 1 : 2, shape.blocks[stage],
                                          shape.bottleneck, shape.shortcut, options)));
      channels = shape.bottleneck ? ResidualStage::kExpansion * stage_width : stage_width;
    }
    fc_ = register_module("fc", std::make_shared<Linear>(channels, options.classes));
  }

  at::Tensor forward(at::Tensor images) override {
    at::Tensor x = activate(bn1_->forward(conv1_->forward(images)), activation_);
    if (imagenet_stem_) x = at::max_pool2d(x, 3, 2, 1);
    for (const auto& stage : stages_) x = stage->forward(x);
    return fc_->forward(at::mean(x, {2, 3}));
  }

 private:
  Activation activation_;
  bool imagenet_stem_;
  std::shared_ptr<Convolution> conv1_;
  std::shared_ptr<Norm> bn1_;
  std::vector<std::shared_ptr<ResidualStage>> stages_;
  std::shared_ptr<Linear> fc_;
};

}  // namespace

std::shared_ptr<ImageNetwork> make_resnet(const ImageNetworkOptions& options) {
  return std::make_shared<Resnet>(options, shape_of(options.name));
}

}  // namespace quasar
