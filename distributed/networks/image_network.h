#pragma once

#include <cstdint>
#include <memory>

#include <torch/nn/module.h>

#include "distributed/networks/image_network_options.h"

namespace quasar {

/// A network that gives the logits (b, classes) of images (b, channels, rows, cols).
class ImageNetwork : public torch::nn::Module {
 public:
  virtual at::Tensor forward(at::Tensor images) = 0;
};

/// A network in training mode, FP32, with the start that belongs to the seed whatever else the process draws.
///
/// mlp, cnn and the residual networks:
///   convolutions  N(0, 2 / (outputs k^2))          He et al. 2015 (arXiv:1502.01852), by fan-out
///   hidden layers N(0, 2 / inputs), tanh N(0, 1 / inputs)
///   last layer    N(0, 0.01^2)                     Goyal et al. 2017 (arXiv:1706.02677); every bias 0
/// vit, as timm: N(0, 0.02^2), of which timm's truncation at 2 cuts nothing; cls_token N(0, 1e-12); biases 0; and
///   patch_embed.proj as PyTorch's layers: weights and biases uniform within 1 / sqrt(inputs of an output)
/// simple_vit, as vit-pytorch: all layers as PyTorch's
///
/// Every norm starts with scale 1 and shift 0. The n-th drawn parameter has its own stream, so that norms do not shift
/// the draws, nor biases that start at 0.
std::shared_ptr<ImageNetwork> make_image_network(const ImageNetworkOptions& options, std::uint64_t seed);

// Before their start is drawn.

/// By name.
std::shared_ptr<ImageNetwork> make_undrawn_image_network(const ImageNetworkOptions& options);

std::shared_ptr<ImageNetwork> make_mlp(const ImageNetworkOptions& options);
std::shared_ptr<ImageNetwork> make_cnn(const ImageNetworkOptions& options);

/// Parameters of resnet18, 34, 50, 101 and 152 have torchvision's names and shapes.
std::shared_ptr<ImageNetwork> make_resnet(const ImageNetworkOptions& options);

/// Dosovitskiy et al. 2021 (arXiv:2010.11929): class token, learned positions; timm's names and shapes.
std::shared_ptr<ImageNetwork> make_vit(const ImageNetworkOptions& options);

/// Beyer, Zhai and Kolesnikov 2022 (arXiv:2205.01580): fixed positions, mean over the patches; names, shapes and layers
/// of vit-pytorch's SimpleViT, with heads of width / heads numbers (its dim_head).
std::shared_ptr<ImageNetwork> make_simple_vit(const ImageNetworkOptions& options);

}  // namespace quasar
