#include "distributed/networks/image_network_options.h"

#include "core/config.h"

namespace quasar {
namespace {

const std::vector<std::string> kImageNetworks = {"mlp",       "cnn",      "resnet20",  "resnet56",
                                                 "resnet18",  "resnet34", "resnet50",  "resnet101",
                                                 "resnet152", "vit",      "simple_vit"};

constexpr int kMostWidth = 1 << 16, kMostDepth = 256, kMostPatch = 1024;

int read_integer(const Config& config, const char* key, int most, int fallback) {
  return static_cast<int>(config.integer(key, between(1, most), fallback));
}

Activation read_activation(const Config& config) {
  const auto name = config.choice("network.activation", {"relu", "silu", "tanh"}, std::string("relu"));
  return name == "relu" ? Activation::relu : name == "silu" ? Activation::silu : Activation::tanh;
}

void read_transformer(const Config& config, ImageNetworkOptions& options) {
  options.width = read_integer(config, "network.width", kMostWidth, 768);
  options.depth = read_integer(config, "network.depth", kMostDepth, 12);
  options.heads = read_integer(config, "network.heads", kMostWidth, options.heads);
  options.mlp_width = read_integer(config, "network.mlp_width", kMostWidth, options.mlp_width);
  options.patch = read_integer(config, "network.patch", kMostPatch, options.patch);
  if (options.width % options.heads != 0)
    config.fail("network.heads", "must divide network.width = " + std::to_string(options.width));
  if (options.name == "simple_vit" && (options.width % 4 != 0 || options.width == 4))
    config.fail("network.width",
                "must be a multiple of 4, and above 4, for the positions of network.name = \"simple_vit\"");
  if (options.rows % options.patch != 0 || options.cols % options.patch != 0)
    config.fail("network.patch", "must divide the images' " + std::to_string(options.rows) + " rows and " +
                                     std::to_string(options.cols) + " columns");
}

void read_convolutional(const Config& config, bool is_resnet, bool is_small, ImageNetworkOptions& options) {
  options.width = read_integer(config, "network.width", kMostWidth, is_small ? 16 : 64);
  options.activation = read_activation(config);
  const auto norm = config.choice("network.norm", {"none", "batch", "group"}, is_resnet ? "batch" : "none");
  options.norm = norm == "none" ? Normalization::none : norm == "batch" ? Normalization::batch : Normalization::group;
  if (options.norm == Normalization::group && options.width % 8 != 0)
    config.fail("network.width", "must be a multiple of 8, the number of groups of network.norm = \"group\"");
  if (is_resnet && is_small && options.width % 2 != 0)
    config.fail("network.width", "must be even for network.name = \"" + options.name + "\"");
  if (is_resnet && options.norm != Normalization::none)
    options.zero_init_last_norm = config.boolean("network.zero_init_last_norm", false);
  if (!is_small && config.choice("network.stem", {"imagenet", "small"}, std::string("imagenet")) == "small")
    options.stem = Stem::small;
}

}  // namespace

ImageNetworkOptions ImageNetworkOptions::read(const Config& config, int channels, int rows, int cols, int classes) {
  ImageNetworkOptions options{.channels = channels, .rows = rows, .cols = cols, .classes = classes};
  options.name = config.choice("network.name", kImageNetworks, std::string("mlp"));
  if (options.name == "mlp") {
    options.width = read_integer(config, "network.width", kMostWidth, 128);
    options.depth = read_integer(config, "network.depth", kMostDepth, 1);
    options.activation = read_activation(config);
  } else if (options.name.ends_with("vit")) {
    read_transformer(config, options);
  } else {
    const bool is_small = options.name == "cnn" || options.name == "resnet20" || options.name == "resnet56";
    read_convolutional(config, options.name.starts_with("resnet"), is_small, options);
  }
  config.forget_replaced("network.name",
                         {"network.depth", "network.norm", "network.zero_init_last_norm", "network.activation",
                          "network.stem", "network.patch", "network.heads", "network.mlp_width"});
  config.forget_replaced("network.norm", {"network.zero_init_last_norm"});
  return options;
}

}  // namespace quasar
