#include "distributed/data/image_classification.h"

#include <algorithm>
#include <cstdio>

#include "core/errors.h"
#include "distributed/data/find_data.h"
#include "distributed/data/idx.h"
#include "distributed/data/procedural_images.h"

namespace quasar {
namespace {

constexpr int kProceduralTrain = 6000, kProceduralTest = 10000;

std::string prefix(Split split) { return split == Split::train ? "train" : "t10k"; }

void add_features(const ImageSet& images, std::size_t image, std::vector<double>& inputs) {
  const std::uint8_t* pixels = images.pixels.data() + image * images.rows * images.cols;
  const std::size_t first = inputs.size();
  inputs.resize(first + static_cast<std::size_t>(images.rows / 2) * (images.cols / 2), 0.0);
  double* features = inputs.data() + first;
  for (int i = 0; i < images.rows; ++i)
    for (int j = 0; j < images.cols; ++j)
      features[(i / 2) * (images.cols / 2) + j / 2] += pixels[i * images.cols + j] / 255.0 / 4.0;
  for (std::size_t i = first; i < inputs.size(); ++i) inputs[i] = (inputs[i] - 0.3) / 4.0;
}

}  // namespace

ImageSet read_image_set(const std::filesystem::path& folder, Split split) {
  const auto image_file = folder / (prefix(split) + "-images-idx3-ubyte"), label_file = folder / label_file_name(split);
  IdxArray images = read_idx(image_file), labels = read_idx(label_file);
  if (images.shape.size() != 3)
    throw DataError(image_file.string() + ": at byte 3: expected 3 dimensions (images, rows, columns), found " +
                    std::to_string(images.shape.size()));
  if (labels.shape.size() != 1)
    throw DataError(label_file.string() + ": at byte 3: expected 1 dimension, found " +
                    std::to_string(labels.shape.size()));
  if (labels.shape[0] != images.shape[0])
    throw DataError(label_file.string() + ": at byte 4: expected " + std::to_string(images.shape[0]) +
                    " labels, one for each image of " + image_file.string() + ", found " +
                    std::to_string(labels.shape[0]));
  constexpr std::size_t kLargestSide = 1 << 14;
  if (images.shape[1] > kLargestSide || images.shape[2] > kLargestSide)
    throw DataError(image_file.string() + ": at byte 8: images have more than 16384 rows or columns");
  return {.rows = static_cast<int>(images.shape[1]),
          .cols = static_cast<int>(images.shape[2]),
          .pixels = std::move(images.values),
          .labels = std::move(labels.values),
          .source = folder.string()};
}

std::string label_file_name(Split split) { return prefix(split) + "-labels-idx1-ubyte"; }

ImageSource locate_images(const std::string& name, const std::string& root_from_config) {
  if (name == "procedural" || name == "procedural_color") return {name, {}};
  if (name != "cifar10" && name != "fashion_mnist" && name != "mnist")
    throw DataError("unknown data set '" + name + "' (cifar10, fashion_mnist, mnist, procedural or procedural_color)");
  if (const auto folder = find_dataset(name, root_from_config)) return {name, *folder};
  const char* replacement = name == "cifar10" ? "procedural_color" : "procedural";
  std::fprintf(stderr, "%s cannot be had here: using the built-in images %s instead\n", name.c_str(), replacement);
  return {replacement, {}};
}

ImageSets load_image_sets(const ImageSource& source) {
  if (source.name == "procedural")
    return {procedural_images(Split::train, kProceduralTrain), procedural_images(Split::test, kProceduralTest)};
  if (source.name == "cifar10" || source.name == "procedural_color")
    throw DataError("data set '" + source.name +
                    "' is in colour; this experiment needs a grey one (data.name = mnist, "
                    "fashion_mnist or procedural)");
  return {read_image_set(source.folder, Split::train), read_image_set(source.folder, Split::test)};
}

RegressionSet make_regression_set(const ImageSet& images, const std::vector<int>& classes, int count, int skip) {
  if (images.rows % 2 != 0 || images.cols % 2 != 0)
    throw DataError(images.source + ": images of " + std::to_string(images.rows) + "x" + std::to_string(images.cols) +
                    " pixels cannot be averaged 2x2");
  RegressionSet set;
  set.features = (images.rows / 2) * (images.cols / 2);
  set.outputs = classes.size() > 2 ? static_cast<int>(classes.size()) : 1;
  set.source = images.source;
  int seen = 0;
  for (std::size_t i = 0; i < images.labels.size() && set.count < count; ++i) {
    const auto found = std::find(classes.begin(), classes.end(), images.labels[i]);
    if (found == classes.end() || seen++ < skip) continue;
    const int own = static_cast<int>(found - classes.begin());
    add_features(images, i, set.inputs);
    set.classes.push_back(own);
    for (int output = 0; output < set.outputs; ++output) set.targets.push_back(output == own ? 1.0 : -1.0);
    ++set.count;
  }
  if (set.count < count)
    throw DataError(images.source + ": holds " + std::to_string(seen) + " images of the classes asked for, " +
                    std::to_string(count) + " are needed" +
                    (skip > 0 ? " after skipping " + std::to_string(skip) : ""));
  return set;
}

}  // namespace quasar
