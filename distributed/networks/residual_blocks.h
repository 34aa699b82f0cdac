#pragma once

#include <memory>
#include <vector>

#include "distributed/networks/image_network_options.h"
#include "distributed/networks/layers.h"

namespace quasar {

/// What a residual block adds to its inner layers where the image is halved or the channels change.
enum class Shortcut {
  padding,    ///< every second pixel, and zero channels on both sides (option A of He et al. 2016, arXiv:1512.03385)
  projection  ///< a 1 x 1 convolution and a norm (downsample.0 and .1, torchvision's)
};

/// y = f(inner(x) + shortcut(x)).
class ResidualBlock : public torch::nn::Module {
 public:
  virtual at::Tensor forward(const at::Tensor& x) const = 0;
};

/// Blocks 0, 1, ... of one width, of which the first may halve the image.
class ResidualStage : public torch::nn::Module {
 public:
  static constexpr int kExpansion = 4;  ///< outputs of a bottleneck are so many times as wide as its inner layers

  /// inputs  channels; of the outputs there are `width`, with bottlenecks 4 `width`
  ResidualStage(std::int64_t inputs, std::int64_t width, int stride, int blocks, bool bottleneck, Shortcut shortcut,
                const ImageNetworkOptions& options);
  at::Tensor forward(at::Tensor x) const;

 private:
  std::vector<std::shared_ptr<ResidualBlock>> blocks_;
};

}  // namespace quasar
