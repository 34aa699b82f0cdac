#include "distributed/networks/image_network.h"
#include "distributed/networks/layers.h"

namespace quasar {
namespace {

constexpr int kStages = 3;

/// Three 3 x 3 convolutions of w, 2w and 4w channels (conv1, bn1, ...), the image halved after the first two; the mean
/// over the image; fc.
class Cnn : public ImageNetwork {
 public:
  explicit Cnn(const ImageNetworkOptions& options) : activation_(options.activation) {
    std::int64_t inputs = options.channels, outputs = options.width;
    for (int stage = 1; stage <= kStages; ++stage, outputs *= 2) {
      const bool with_bias = options.norm == Normalization::none;
      const std::string number = std::to_string(stage);
      convolutions_.push_back(
          register_module("conv" + number, std::make_shared<Convolution>(inputs, outputs, 3, 1, with_bias)));
      norms_.push_back(register_module("bn" + number, std::make_shared<Norm>(options.norm, outputs)));
      inputs = outputs;
    }
    fc_ = register_module("fc", std::make_shared<Linear>(inputs, options.classes));
  }

  at::Tensor forward(at::Tensor images) override {
    at::Tensor x = std::move(images);
    for (std::size_t stage = 0; stage < kStages; ++stage) {
      x = activate(norms_[stage]->forward(convolutions_[stage]->forward(x)), activation_);
      if (stage + 1 < kStages) x = at::max_pool2d(x, 2);
    }
    return fc_->forward(at::mean(x, {2, 3}));
  }

 private:
  Activation activation_;
  std::vector<std::shared_ptr<Convolution>> convolutions_;
  std::vector<std::shared_ptr<Norm>> norms_;
  std::shared_ptr<Linear> fc_;
};

}  // namespace

std::shared_ptr<ImageNetwork> make_cnn(const ImageNetworkOptions& options) { return std::make_shared<Cnn>(options); }

}  // namespace quasar
