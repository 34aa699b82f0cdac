#include "distributed/local_sgd/image_task.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/config.h"
#include "core/instruction_set.h"

namespace quasar {

namespace {

const std::vector<std::string> kPhotoSets = {"image_folder", "webdataset", "imagenet", "procedural_photos"};
const std::vector<std::string> kPhotoKeys = {"data.size",
                                             "data.readers",
                                             "data.random_resized_crop",
                                             "data.rand_augment_layers",
                                             "data.rand_augment_magnitude",
                                             "data.on_damaged",
                                             "data.identity",
                                             "data.procedural_classes"};

ImageData read_images(const Config& config, const std::string& name) {
  ProceduralCounts counts;
  counts.train = static_cast<int>(config.integer("data.procedural_train", between(10, 1e6), counts.train));
  counts.test = static_cast<int>(config.integer("data.procedural_test", between(10, 1e6), counts.test));
  const auto sets =
      std::make_shared<const LabelledImageSets>(load_labelled_images(name, config.text("data.root", ""), counts));
  config.substitute("data.name", sets->name);
  return sets;
}

/// data.root does not tell runs apart, as it may differ between machines; this does.
void identify(const Config& config, const ImageData& data) {
  char found[17];
  std::snprintf(found, sizeof found, "%016llx", static_cast<unsigned long long>(identity_of(data)));
  if (config.text("data.identity", found) != found)
    config.fail("data.identity", "the photographs in " + source_of(data) + " are others (" + found +
                                     "): names, sizes or labels differ; leave it out to take them");
}

ImageData read_photos(const Config& config, const std::string& name) {
  ProceduralPhotoCounts counts;
  if (name == "imagenet" || name == "procedural_photos") {
    counts.train = config.integer("data.procedural_train", between(10, 1e8), counts.train);
    counts.test = config.integer("data.procedural_test", between(10, 1e8), counts.test);
    counts.classes = static_cast<int>(config.integer("data.procedural_classes", between(2, 65536), counts.classes));
  }
  PhotoOptions options;
  options.size = static_cast<int>(config.integer("data.size", between(1, 4096), options.size));
  options.readers = static_cast<int>(config.integer("data.readers", between(1, 256), options.readers));
  options.random_resized_crop = config.boolean("data.random_resized_crop", options.random_resized_crop);
  options.rand_augment.layers = static_cast<int>(config.integer("data.rand_augment_layers", between(0, 16), 0));
  options.rand_augment.magnitude =
      static_cast<int>(config.integer("data.rand_augment_magnitude", between(0, 30), options.rand_augment.magnitude));
  options.on_damaged = config.choice("data.on_damaged", {"stop", "skip"}, std::string("stop")) == "skip"
                           ? OnDamaged::skip
                           : OnDamaged::stop;
  const ImageData data =
      std::make_shared<const PhotoSets>(open_photo_sets(name, config.text("data.root", ""), options, counts));
  config.substitute("data.name", std::get<std::shared_ptr<const PhotoSets>>(data)->name);
  identify(config, data);
  return data;
}

/// LibTorch 2.11's oneDNN, for AVX2: jit_avx2_1x1_convolution_bwd_weights_t writes beyond its buffer.
void check_narrow_convolutions(const Config& config, const ImageNetworkOptions& network) {
  constexpr int kNarrowest = 8;  // channels of a register
  const bool is_torchvisions =
      network.name.starts_with("resnet") && network.name != "resnet20" && network.name != "resnet56";
  const bool on_gpu = config.has("workers.device") && config.text("workers.device") == "cuda";
  if (!is_torchvisions || network.width >= kNarrowest || on_gpu || best_instruction_set() == InstructionSet::x86_64_v4)
    return;
  config.fail(
      "network.channels_last",
      "= true with network.width below 8 crashes LibTorch on a CPU without AVX-512; take false, or a width of 8");
}

}  // namespace

ImageTask ImageTask::read(const Config& config, std::uint64_t seed) {
  ImageTask task;
  task.read_shared(config, seed);
  std::vector<std::string> names = {"cifar10", "fashion_mnist", "mnist", "procedural", "procedural_color"};
  names.insert(names.end(), kPhotoSets.begin(), kPhotoSets.end());
  const std::string name = config.choice("data.name", names, std::string("cifar10"));
  const bool of_photos = std::find(kPhotoSets.begin(), kPhotoSets.end(), name) != kPhotoSets.end();
  if (of_photos)
    config.forget_replaced("data.name", {"data.crop_padding", "data.procedural_train", "data.procedural_test"});
  else
    config.forget_replaced("data.name", kPhotoKeys);
  task.data = of_photos ? read_photos(config, name) : read_images(config, name);

  if (!of_photos)
    task.augmentation.crop_padding = static_cast<int>(config.integer("data.crop_padding", between(0, 64), 0));
  task.augmentation.flip = config.boolean("data.flip", false);
  task.augmentation.label_flip = config.number("data.label_flip", between(0.0, 1.0), 0.0);
  task.augmentation.mixup = config.number("data.mixup", between(0.0, 100.0), 0.0);
  task.augmentation.seed = seed;

  const ImageShape shape = shape_of(task.data);
  task.network = ImageNetworkOptions::read(config, shape.channels, shape.rows, shape.cols, shape.classes);
  task.channels_last = config.boolean("network.channels_last", false);
  if (task.channels_last) check_narrow_convolutions(config, task.network);
  task.label_smoothing = config.number("loss.label_smoothing", between(0.0, 1.0), 0.0);
  return task;
}

std::int64_t ImageTask::samples(Split split) const { return samples_of(data, split); }

nlohmann::json ImageTask::about() const { return {{"data", source_of(data)}}; }

std::uint64_t ImageTask::data_identity() const { return identity_of(data); }

}  // namespace quasar
