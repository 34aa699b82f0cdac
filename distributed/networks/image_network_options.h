#pragma once

#include <string>

namespace quasar {

class Config;

enum class Activation { relu, silu, tanh };
enum class Normalization { none, batch, group };
enum class Stem { imagenet, small };

struct ImageNetworkOptions {
  std::string name = "mlp";  ///< mlp, cnn, resnet20, 56, 18, 34, 50, 101 or 152, vit or simple_vit
  int width = 16;  ///< of a hidden layer (mlp), channels of the first stage (cnn, resnet), numbers a token (vit)
  int depth = 1;   ///< hidden layers (mlp), blocks (vit)
  Activation activation = Activation::relu;  ///< (all but vit, whose is GELU)
  Normalization norm = Normalization::none;  ///< (cnn, resnet)
  bool zero_init_last_norm = false;          ///< each residual block starts as the identity (resnet)
  Stem stem = Stem::imagenet;                ///< (resnet18 to 152)
  int patch = 16;                            ///< pixels a side (vit)
  int heads = 12;                            ///< (vit)
  int mlp_width = 3072;                      ///< (vit)
  int channels = 3, rows = 32, cols = 32, classes = 10;

  /// Reads `network.name` and of the other fields' names, as `network.*`, those that the network has; the defaults of
  /// resnet18 to 152 are torchvision's, those of vit and simple_vit are B/16's.
  ///
  /// channels, rows, cols, classes  of the data
  /// throws  ConfigError for sizes that do not divide each other where they must
  static ImageNetworkOptions read(const Config& config, int channels, int rows, int cols, int classes);
};

}  // namespace quasar
