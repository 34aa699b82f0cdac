#include "distributed/local_sgd/image_task.h"

#include <nlohmann/json.hpp>

#include "core/config.h"

namespace quasar {

ImageTask ImageTask::read(const Config& config, std::uint64_t seed) {
  ImageTask task;
  task.read_shared(config, seed);
  const std::string name = config.choice(
      "data.name", {"cifar10", "fashion_mnist", "mnist", "procedural", "procedural_color"}, std::string("cifar10"));
  ProceduralCounts counts;
  counts.train = static_cast<int>(config.integer("data.procedural_train", between(10, 1e6), counts.train));
  counts.test = static_cast<int>(config.integer("data.procedural_test", between(10, 1e6), counts.test));
  task.sets = std::make_shared<LabelledImageSets>(load_labelled_images(name, config.text("data.root", ""), counts));
  config.substitute("data.name", task.sets->name);
  const LabelledImages& train = task.sets->train;

  task.augmentation.crop_padding = static_cast<int>(config.integer("data.crop_padding", between(0, 64), 0));
  task.augmentation.flip = config.boolean("data.flip", false);
  task.augmentation.label_flip = config.number("data.label_flip", between(0.0, 1.0), 0.0);
  task.augmentation.mixup = config.number("data.mixup", at_least(0.0), 0.0);
  task.augmentation.seed = seed;

  task.network = ImageNetworkOptions::read(config, train.channels, train.rows, train.cols, train.classes);
  task.channels_last = config.boolean("network.channels_last", false);
  task.label_smoothing = config.number("loss.label_smoothing", between(0.0, 1.0), 0.0);
  return task;
}

std::int64_t ImageTask::samples(Split split) const {
  return split == Split::train ? sets->train.count : sets->test.count;
}

nlohmann::json ImageTask::about() const { return {{"data", sets->train.source}}; }

std::uint64_t ImageTask::data_identity() const { return data_hash(sets->train); }

}  // namespace quasar
