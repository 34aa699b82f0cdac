#include "distributed/networks/image_network.h"

#include <cmath>

#include "distributed/networks/named_start.h"

namespace quasar {
namespace {

constexpr double kLastLayerDeviation = 0.01;                            // Goyal et al. 2017
constexpr double kTransformerDeviation = 0.02, kTokenDeviation = 1e-6;  // timm's

double deviation_of(const at::Tensor& weight, bool last, Activation activation) {
  if (last) return kLastLayerDeviation;
  const auto outputs = static_cast<double>(weight.size(0)), inputs = static_cast<double>(weight.size(1));
  if (weight.dim() == 4) return std::sqrt(2.0 / (outputs * static_cast<double>(weight.size(2) * weight.size(3))));
  return std::sqrt((activation == Activation::tanh ? 1.0 : 2.0) / inputs);
}

void draw_he_start(const ImageNetwork& network, Activation activation, std::uint64_t seed) {
  const auto parameters = network.parameters();
  at::Tensor last;
  for (const at::Tensor& parameter : parameters)
    if (parameter.dim() > 1) last = parameter;
  std::uint32_t stream = 0;
  for (const at::Tensor& parameter : parameters)
    if (parameter.dim() > 1)
      draw_normals(parameter, deviation_of(parameter, parameter.is_same(last), activation), seed, stream++);
}

void draw_transformer_start(const ImageNetwork& network, bool is_timm, std::uint64_t seed) {
  std::uint32_t stream = 0;
  std::string layer;
  double bound = 0.0;
  for (const auto& item : network.named_parameters()) {
    const std::string& name = item.key();
    const at::Tensor& parameter = item.value();
    const bool is_weight = parameter.dim() > 1;
    if (is_timm && !name.starts_with("patch_embed.")) {
      if (is_weight)
        draw_normals(parameter, name == "cls_token" ? kTokenDeviation : kTransformerDeviation, seed, stream++);
      continue;
    }
    const std::string owner = name.substr(0, name.rfind('.'));
    if (is_weight) {
      layer = owner;
      bound = std::sqrt(static_cast<double>(parameter.size(0)) / static_cast<double>(parameter.numel()));
    }
    if (owner == layer) draw_uniforms(parameter, bound, seed, stream++);  // a norm's weight has one dimension
  }
}

}  // namespace

std::shared_ptr<ImageNetwork> make_undrawn_image_network(const ImageNetworkOptions& options) {
  if (options.name == "mlp") return make_mlp(options);
  if (options.name == "cnn") return make_cnn(options);
  if (options.name == "vit") return make_vit(options);
  if (options.name == "simple_vit") return make_simple_vit(options);
  return make_resnet(options);
}

std::shared_ptr<ImageNetwork> make_image_network(const ImageNetworkOptions& options, std::uint64_t seed) {
  auto network = make_undrawn_image_network(options);
  const at::NoGradGuard no_grad;
  if (options.name == "vit" || options.name == "simple_vit")
    draw_transformer_start(*network, options.name == "vit", seed);
  else
    draw_he_start(*network, options.activation, seed);
  network->train();
  return network;
}

}  // namespace quasar
