#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>

#include "distributed/data/photo_pipeline.h"
#include "distributed/data/resample.h"

namespace quasar {

/// Which samples turned out damaged; threads share it.
class DamagedSamples {
 public:
  /// Says so on stderr the first time that a sample is found.
  void add(std::int64_t sample, const std::string& message);
  std::int64_t count() const;

 private:
  mutable std::mutex mutex_;
  std::set<std::int64_t> samples_;
};

/// One thread's tools for preparing photographs.
class PhotoWorker {
 public:
  PhotoWorker(const PhotoSet& set, const PhotoOptions& options, const AugmentationOptions& augmentation,
              DamagedSamples& damaged);

  /// As a visit at `position` sees the sample; without one, as evaluation does.
  PreparedPhoto prepare(std::int64_t sample, std::optional<std::int64_t> position);

 private:
  /// Decodes the part that is seen; throws DamagedPhoto.
  void decode(std::int64_t sample, std::optional<std::int64_t> position, Photo& result);

  const PhotoSet& set_;
  const PhotoOptions& options_;
  const AugmentationOptions& augmentation_;
  DamagedSamples& damaged_;
  std::unique_ptr<PhotoReader> reader_;
  Resampler resampler_;
  Photo decoded_, scratch_;
};

}  // namespace quasar
