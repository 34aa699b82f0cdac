#include "distributed/networks/image_network.h"
#include "distributed/networks/layers.h"

namespace quasar {
namespace {

/// fc1, fc2, ...: `depth` hidden layers and one of logits.
class Mlp : public ImageNetwork {
 public:
  explicit Mlp(const ImageNetworkOptions& options) : activation_(options.activation) {
    std::int64_t inputs = std::int64_t{options.channels} * options.rows * options.cols;
    for (int layer = 0; layer <= options.depth; ++layer) {
      const std::int64_t outputs = layer == options.depth ? options.classes : options.width;
      layers_.push_back(register_module("fc" + std::to_string(layer + 1), std::make_shared<Linear>(inputs, outputs)));
      inputs = outputs;
    }
  }

  at::Tensor forward(at::Tensor images) override {
    at::Tensor x = images.flatten(1);
    for (std::size_t layer = 0; layer + 1 < layers_.size(); ++layer)
      x = activate(layers_[layer]->forward(x), activation_);
    return layers_.back()->forward(x);
  }

 private:
  Activation activation_;
  std::vector<std::shared_ptr<Linear>> layers_;
};

}  // namespace

std::shared_ptr<ImageNetwork> make_mlp(const ImageNetworkOptions& options) { return std::make_shared<Mlp>(options); }

}  // namespace quasar
