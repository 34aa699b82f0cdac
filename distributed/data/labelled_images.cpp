#include "distributed/data/labelled_images.h"

#include <cmath>
#include <filesystem>
#include <utility>

#include "core/errors.h"
#include "distributed/data/cifar.h"
#include "distributed/data/image_classification.h"
#include "distributed/data/procedural_color.h"
#include "distributed/data/procedural_images.h"
#include "distributed/data/word_hash.h"

namespace quasar {
namespace {

/// Mean and deviation of pixel / 255 in each channel; sums are of integers, so the order does not matter.
void normalise_by_own_pixels(LabelledImages& images) {
  const auto size = static_cast<std::size_t>(images.rows) * static_cast<std::size_t>(images.cols);
  std::vector<std::uint64_t> sum(static_cast<std::size_t>(images.channels)), squares(sum.size());
  for (std::size_t plane = 0; plane * size < images.pixels.size(); ++plane)
    for (std::size_t i = plane * size; i < (plane + 1) * size; ++i) {
      const std::uint64_t pixel = images.pixels[i];
      sum[plane % sum.size()] += pixel;
      squares[plane % sum.size()] += pixel * pixel;
    }
  const double values = static_cast<double>(images.count) * static_cast<double>(size);
  for (std::size_t channel = 0; channel < sum.size(); ++channel) {
    const double mean = static_cast<double>(sum[channel]) / values;
    const double variance = static_cast<double>(squares[channel]) / values - mean * mean;
    images.mean.push_back(static_cast<float>(mean / 255.0));
    images.deviation.push_back(variance > 0.0 ? static_cast<float>(std::sqrt(variance) / 255.0) : 1.0f);
  }
}

LabelledImages from_cifar(const std::filesystem::path& folder, Split split) {
  CifarImages images = read_cifar10(folder, split);
  // The deviations over all training pixels, as most implementations have them; the smaller ones in circulation
  // (.2023 .1994 .2010) are means of every image's own deviation.
  return {.channels = 3,
          .rows = 32,
          .cols = 32,
          .classes = 10,
          .count = static_cast<std::int64_t>(images.labels.size()),
          .pixels = std::move(images.pixels),
          .labels = std::move(images.labels),
          .mean = {0.4914f, 0.4822f, 0.4465f},
          .deviation = {0.2470f, 0.2435f, 0.2616f},
          .source = folder.string()};
}

LabelledImages from_grey(ImageSet images) {
  return {.channels = 1,
          .rows = images.rows,
          .cols = images.cols,
          .classes = 10,
          .count = static_cast<std::int64_t>(images.labels.size()),
          .pixels = std::move(images.pixels),
          .labels = std::move(images.labels),
          .mean = {},
          .deviation = {},
          .source = std::move(images.source)};
}

LabelledImages from_idx(const std::filesystem::path& folder, Split split) {
  LabelledImages images = from_grey(read_image_set(folder, split));
  constexpr std::size_t kHeader = 8;
  for (std::size_t i = 0; i < images.labels.size(); ++i)
    if (images.labels[i] >= images.classes)
      throw DataError((folder / label_file_name(split)).string() + ": at byte " + std::to_string(kHeader + i) +
                      ": sample " + std::to_string(i) + " has label " + std::to_string(images.labels[i]) +
                      ", expected 0 to " + std::to_string(images.classes - 1));
  return images;
}

LabelledImages load_split(const ImageSource& source, Split split, int procedural_count) {
  if (source.name == "procedural") return from_grey(procedural_images(split, procedural_count));
  if (source.name == "procedural_color") return procedural_color_images(split, procedural_count);
  return source.name == "cifar10" ? from_cifar(source.folder, split) : from_idx(source.folder, split);
}

}  // namespace

LabelledImageSets load_labelled_images(const std::string& name, const std::string& root, ProceduralCounts counts) {
  const ImageSource source = locate_images(name, root);
  LabelledImageSets sets{.name = source.name,
                         .train = load_split(source, Split::train, counts.train),
                         .test = load_split(source, Split::test, counts.test)};
  if (sets.train.mean.empty()) normalise_by_own_pixels(sets.train);
  sets.test.mean = sets.train.mean;
  sets.test.deviation = sets.train.deviation;
  return sets;
}

std::uint64_t data_hash(const LabelledImages& images) {
  std::uint64_t hash = 0;
  for (const int size : {images.channels, images.rows, images.cols, images.classes})
    hash = hash_word(hash, static_cast<std::uint64_t>(size));
  return hash_bytes(hash_bytes(hash, images.pixels), images.labels);
}

}  // namespace quasar
