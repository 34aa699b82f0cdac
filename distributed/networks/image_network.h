#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "distributed/networks/layers.h"

namespace quasar {

class Config;

struct ImageNetworkOptions {
  std::string name = "mlp";  ///< mlp, cnn, resnet20 or resnet56
  int width = 16;            ///< of a hidden layer (mlp), or channels of the first stage (cnn, resnet)
  int depth = 1;             ///< hidden layers (mlp)
  Activation activation = Activation::relu;
  Normalization norm = Normalization::none;  ///< (cnn, resnet)
  bool zero_init_last_norm = false;          ///< each residual block starts as the identity (resnet)
  int channels = 3, rows = 32, cols = 32, classes = 10;

  /// Reads `network.name`, `.width`, `.depth`, `.activation`, `.norm` and `.zero_init_last_norm`.
  static ImageNetworkOptions read(const Config& config, int channels, int rows, int cols, int classes);
};

/// A network that gives the logits (b, classes) of images (b, channels, rows, cols).
class ImageNetwork : public torch::nn::Module {
 public:
  virtual at::Tensor forward(at::Tensor images) = 0;
};

/// A network in training mode, FP32, with the start that belongs to the seed whatever else the process draws:
///
///   convolutions  N(0, 2 / (outputs k^2))          He et al. 2015 (arXiv:1502.01852), by fan-out
///   hidden layers N(0, 2 / inputs), tanh N(0, 1 / inputs)
///   last layer    N(0, 0.01^2)                     Goyal et al. 2017 (arXiv:1706.02677); every bias 0
///
/// The n-th weight of two or more dimensions has its own stream, so norms and biases do not shift the draws.
std::shared_ptr<ImageNetwork> make_image_network(const ImageNetworkOptions& options, std::uint64_t seed);

/// Before their start is drawn; make_image_network chooses by name.
std::shared_ptr<ImageNetwork> make_mlp(const ImageNetworkOptions& options);
std::shared_ptr<ImageNetwork> make_cnn(const ImageNetworkOptions& options);
std::shared_ptr<ImageNetwork> make_resnet(const ImageNetworkOptions& options, int blocks_per_stage);

}  // namespace quasar
