#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "distributed/data/labelled_images.h"
#include "distributed/data/sampler.h"

namespace quasar {

struct AugmentationOptions {
  int crop_padding = 0;     ///< random crop of the image with this many black pixels around it; 0: none
  bool flip = false;        ///< left and right exchanged with probability 1/2
  double label_flip = 0.0;  ///< p: the label becomes one of the others, uniformly, at every visit anew
  double mixup = 0.0;       ///< a of lambda ~ Beta(a, a); 0: none
  std::uint64_t seed = 0;
};

/// The second half of a mixed batch: its loss is lambda CE(labels) + (1 - lambda) CE(partner_labels).
struct MixUp {
  double lambda = 1.0;
  std::vector<std::int64_t> partner_labels;
};

enum class ImageLayout { channels_first, channels_last };  ///< (b, C, H, W) or (b, H, W, C)

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
class BatchReader {
 public:
  /// throws  ConfigError for options that this data set does not allow
  BatchReader(const LabelledImages& images, const AugmentationOptions& options,
              ImageLayout layout = ImageLayout::channels_first);

  /// Writes b augmented images and their labels; mixes them if options.mixup > 0 and there is a `mix_up` to say how.
  void read(std::span<const Visit> visits, Real* inputs, std::int64_t* labels, MixUp* mix_up = nullptr) const;

  /// Writes images first ... first + count - 1 in file order, not augmented.
  void read_plain(std::int64_t first, std::int64_t count, Real* inputs, std::int64_t* labels) const;

  std::int64_t image_size() const { return image_size_; }  ///< numbers in one image

 private:
  struct Place {
    int down = 0, right = 0;  ///< of the crop against the image
    bool flip = false;
  };
  void write_image(std::int64_t sample, Place place, Real* image) const;
  std::int64_t flipped_label(std::int64_t label, std::int64_t position) const;
  void mix(std::span<const Visit> visits, Real* inputs, const std::int64_t* labels, MixUp& mix_up) const;

  const LabelledImages& images_;
  AugmentationOptions options_;
  ImageLayout layout_;
  std::int64_t image_size_;
  std::vector<Real> normalised_;  // (channels, 256): of each byte
};

extern template class BatchReader<float>;
extern template class BatchReader<double>;

}  // namespace quasar
