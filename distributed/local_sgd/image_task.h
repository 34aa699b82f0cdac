#pragma once

#include <memory>

#include "distributed/data/image_data.h"
#include "distributed/local_sgd/training_task.h"
#include "distributed/networks/image_network.h"

namespace quasar {

/// Image classification: CE(f(x), y), mixed and smoothed as it says.
class ImageTask final : public TrainingTask {
 public:
  ImageData data;
  ImageNetworkOptions network;
  AugmentationOptions augmentation;
  double label_smoothing = 0.0;
  bool channels_last = false;

  /// Reads `data.*`, `network.*`, `loss.*` and `batch.micro_size`.
  static ImageTask read(const Config& config, std::uint64_t seed);

  std::unique_ptr<Objective> make_objective() const override;
  std::unique_ptr<Evaluator> make_evaluator() const override;
  std::shared_ptr<torch::nn::Module> make_undrawn_network() const override;
  std::int64_t samples(Split split) const override;
  const DamagedSamples* damaged(Split split) const override { return damaged_in(data, split); }
  std::vector<std::int64_t> sample_shape() const override { return {network.channels, network.rows, network.cols}; }
  std::string sample_name() const override { return "images"; }
  nlohmann::json about() const override;
  std::uint64_t data_identity() const override;
};

}  // namespace quasar
