#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "distributed/data/image_batches.h"
#include "distributed/data/labelled_images.h"

namespace quasar {

/// Gathers, augments and normalises batches of one data set, which must outlive it.
///
///   x = (pixel / 255 - mean) / deviation, every operation in Real      as torchvision's ToTensor and Normalize
///
/// Crops are of the bytes, before normalisation (torchvision's RandomCrop on an image): what lies outside the image is
/// black, (0 - mean) / deviation, not 0. Crop first, then flip.
/// All draws are named by the visit's position, so a visit gives the same bytes in any batch, worker or thread; only
/// mixup needs its batch: lambda is named by the batch's first visit, and image i is mixed with image b - 1 - i.
/// Reading changes nothing in the object, so threads may share it.
template <class Real>
class BatchReader final : public ImageBatches<Real> {
 public:
  /// throws  ConfigError for options that this data set does not allow
  BatchReader(const LabelledImages& images, const AugmentationOptions& options,
              ImageLayout layout = ImageLayout::channels_first);

  void read(std::span<const Visit> visits, Real* inputs, std::int64_t* labels, MixUp* mix_up = nullptr) const override;
  std::int64_t read_plain(std::int64_t first, std::int64_t count, Real* inputs, std::int64_t* labels) const override;

  std::int64_t image_size() const { return image_size_; }  ///< numbers in one image

 private:
  struct Place {
    int down = 0, right = 0;  ///< of the crop against the image
    bool flip = false;
  };
  void write_image(std::int64_t sample, Place place, Real* image) const;

  const LabelledImages& images_;
  AugmentationOptions options_;
  ImageLayout layout_;
  std::int64_t image_size_;
  std::vector<Real> normalised_;  // (channels, 256): of each byte
};

extern template class BatchReader<float>;
extern template class BatchReader<double>;

}  // namespace quasar
