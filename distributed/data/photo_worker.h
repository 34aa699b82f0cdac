#pragma once

#include <memory>
#include <optional>

#include "distributed/data/photo_pipeline.h"
#include "distributed/data/resample.h"

namespace quasar {

/// One thread's tools for preparing photographs.
class PhotoWorker {
 public:
  PhotoWorker(const PhotoSet& set, const PhotoOptions& options, const AugmentationOptions& augmentation);

  /// As a visit at `position` sees the sample; without one, as evaluation does, which leaves a damaged one out.
  PreparedPhoto prepare(std::int64_t sample, std::optional<std::int64_t> position);

 private:
  /// Decodes the part that is seen; throws DamagedPhoto.
  void decode(std::int64_t sample, std::optional<std::int64_t> position, Photo& result);

  const PhotoSet& set_;
  const PhotoOptions& options_;
  const AugmentationOptions& augmentation_;
  std::unique_ptr<PhotoReader> reader_;
  Resampler resampler_;
  Photo decoded_, scratch_;
};

}  // namespace quasar
