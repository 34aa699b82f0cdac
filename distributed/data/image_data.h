#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "distributed/data/image_batches.h"
#include "distributed/data/labelled_images.h"
#include "distributed/data/photo_sets.h"
#include "distributed/data/split.h"

namespace quasar {

/// A set of images in both splits: in memory, or photographs that are read when they are wanted.
using ImageData = std::variant<std::shared_ptr<const LabelledImageSets>, std::shared_ptr<const PhotoSets>>;

/// Of what batches hold.
struct ImageShape {
  int channels = 0, rows = 0, cols = 0, classes = 0;
};

ImageShape shape_of(const ImageData& data);
std::int64_t samples_of(const ImageData& data, Split split);
std::string source_of(const ImageData& data);

/// 64 bits that identify the training images: shape, pixels and labels of those in memory; names, sizes in bytes and
/// labels of photographs.
std::uint64_t identity_of(const ImageData& data);

/// The samples of a split that were skipped by this process; null where none can be.
const DamagedSamples* damaged_in(const ImageData& data, Split split);

/// Batches of one split, which `data` must outlive where it is in memory.
template <class Real>
std::unique_ptr<ImageBatches<Real>> make_batches(const ImageData& data, Split split,
                                                 const AugmentationOptions& augmentation, ImageLayout layout);

extern template std::unique_ptr<ImageBatches<float>> make_batches(const ImageData&, Split, const AugmentationOptions&,
                                                                  ImageLayout);
extern template std::unique_ptr<ImageBatches<double>> make_batches(const ImageData&, Split, const AugmentationOptions&,
                                                                   ImageLayout);

}  // namespace quasar
