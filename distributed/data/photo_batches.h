#pragma once

#include <array>
#include <memory>
#include <vector>

#include "distributed/data/image_batches.h"
#include "distributed/data/photo_pipeline.h"

namespace quasar {

/// Batches of photographs, 3 x size x size, normalised by ImageNet's mean and deviation.
///
///   x = (byte / 255 - mean) / deviation, every operation in Real;  mean .485 .456 .406, deviation .229 .224 .225
///
/// An object is used by one thread at a time.
template <class Real>
class PhotoBatches final : public ImageBatches<Real> {
 public:
  /// damaged  is told which samples are skipped
  /// throws   ConfigError for options that this data set does not allow
  PhotoBatches(std::shared_ptr<const PhotoSet> set, const PhotoOptions& options,
               const AugmentationOptions& augmentation, ImageLayout layout,
               std::shared_ptr<DamagedSamples> damaged = std::make_shared<DamagedSamples>());

  void read(std::span<const Visit> visits, Real* inputs, std::int64_t* labels, MixUp* mix_up = nullptr) const override;
  std::int64_t read_plain(std::int64_t first, std::int64_t count, Real* inputs, std::int64_t* labels) const override;
  void prefetch(std::span<const Visit> visits) const override;

 private:
  void write(const Photo& photo, Real* image) const;

  const AugmentationOptions augmentation_;
  const ImageLayout layout_;
  const int classes_;
  const std::int64_t image_size_;
  std::array<std::array<Real, 256>, 3> normalised_;  // of each byte
  std::unique_ptr<PhotoPipeline> pipeline_;
};

extern template class PhotoBatches<float>;
extern template class PhotoBatches<double>;

}  // namespace quasar
