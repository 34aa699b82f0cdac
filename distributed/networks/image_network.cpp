#include "distributed/networks/image_network.h"

#include <cmath>

#include <torch/csrc/autograd/generated/variable_factories.h>

#include "core/config.h"
#include "core/errors.h"
#include "distributed/networks/named_start.h"

namespace quasar {
namespace {

constexpr double kLastLayerDeviation = 0.01;

double deviation_of(const at::Tensor& weight, bool last, Activation activation) {
  if (last) return kLastLayerDeviation;
  const auto outputs = static_cast<double>(weight.size(0)), inputs = static_cast<double>(weight.size(1));
  if (weight.dim() == 4) return std::sqrt(2.0 / (outputs * static_cast<double>(weight.size(2) * weight.size(3))));
  return std::sqrt((activation == Activation::tanh ? 1.0 : 2.0) / inputs);
}

std::shared_ptr<ImageNetwork> make_undrawn(const ImageNetworkOptions& options) {
  if (options.name == "mlp") return make_mlp(options);
  if (options.name == "cnn") return make_cnn(options);
  if (options.name == "resnet20") return make_resnet(options, 3);
  if (options.name == "resnet56") return make_resnet(options, 9);
  throw ConfigError("network.name = " + options.name + " is not one of mlp, cnn, resnet20, resnet56");
}

}  // namespace

ImageNetworkOptions ImageNetworkOptions::read(const Config& config, int channels, int rows, int cols, int classes) {
  ImageNetworkOptions options{.channels = channels, .rows = rows, .cols = cols, .classes = classes};
  options.name = config.choice("network.name", {"mlp", "cnn", "resnet20", "resnet56"}, std::string("mlp"));
  const bool is_mlp = options.name == "mlp", is_resnet = options.name.starts_with("resnet");
  constexpr int kMostWidth = 1 << 16, kMostDepth = 64;
  options.width = static_cast<int>(config.integer("network.width", between(1, kMostWidth), is_mlp ? 128 : 16));
  const auto activation = config.choice("network.activation", {"relu", "silu", "tanh"}, std::string("relu"));
  options.activation = activation == "relu"   ? Activation::relu
                       : activation == "silu" ? Activation::silu
                                              : Activation::tanh;
  if (is_mlp) {
    options.depth = static_cast<int>(config.integer("network.depth", between(1, kMostDepth), 1));
  } else {
    const auto norm = config.choice("network.norm", {"none", "batch", "group"}, is_resnet ? "batch" : "none");
    options.norm = norm == "none" ? Normalization::none : norm == "batch" ? Normalization::batch : Normalization::group;
    if (options.norm == Normalization::group && options.width % 8 != 0)
      config.fail("network.width", "must be a multiple of 8, the number of groups of network.norm = \"group\"");
    if (is_resnet && options.width % 2 != 0) config.fail("network.width", "must be even for a residual network");
    if (is_resnet && options.norm != Normalization::none)
      options.zero_init_last_norm = config.boolean("network.zero_init_last_norm", false);
  }
  config.forget_replaced("network.name", {"network.depth", "network.norm", "network.zero_init_last_norm"});
  config.forget_replaced("network.norm", {"network.zero_init_last_norm"});
  return options;
}

std::shared_ptr<ImageNetwork> make_image_network(const ImageNetworkOptions& options, std::uint64_t seed) {
  auto network = make_undrawn(options);
  const torch::NoGradGuard no_grad;
  const auto parameters = network->parameters();
  at::Tensor last;
  for (const at::Tensor& parameter : parameters)
    if (parameter.dim() > 1) last = parameter;
  std::uint32_t stream = 0;
  for (at::Tensor parameter : parameters)
    if (parameter.dim() > 1)
      draw_normals(parameter, deviation_of(parameter, parameter.is_same(last), options.activation), seed, stream++);
  network->train();
  return network;
}

}  // namespace quasar
