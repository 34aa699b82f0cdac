#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "distributed/data/damaged_samples.h"
#include "distributed/data/image_batches.h"
#include "distributed/data/photo_set.h"
#include "distributed/data/rand_augment.h"

namespace quasar {

/// What happens to a sample whose bytes are no image.
enum class OnDamaged {
  stop,  ///< an error with its place
  /// In training the next sound sample in file order takes its place, with the visit's draws and its own label; evaluation
  /// leaves it out of the mean.
  skip
};

struct PhotoOptions {
  int size = 224;                    ///< rows and columns of what the network sees, in pixels
  int readers = 1;                   ///< threads that read, decode and augment
  bool random_resized_crop = false;  ///< of visits; otherwise the central crop, as in evaluation
  RandAugmentOptions rand_augment;
  OnDamaged on_damaged = OnDamaged::stop;
};

/// A photograph in bytes, cropped and augmented.
struct PreparedPhoto {
  struct Damaged {
    std::int64_t sample;
    std::string message;
  };
  int label = 0;
  Photo photo;                       ///< size x size
  bool is_sound = false;             ///< whether there is one
  std::vector<Damaged> damaged;      ///< samples tried before it
  std::optional<std::string> error;  ///< why the run cannot go on without it
};

/// Prepares photographs in reader threads: read, decode, crop and resize, flip, RandAugment; bytes all along.
///
/// What a visit gives is a function of (seed, position, sample), whatever the number of threads and the hints. A crop
/// that is 2, 4 or 8 times as large as the result is decoded at 1/2, 1/4 or 1/8.
/// Memory: 3 size^2 bytes a visit that is hinted or being taken, and in each reader the file and 6 bytes a pixel of the
/// largest photograph it has met.
class PhotoPipeline {
 public:
  using Receive = std::function<void(std::size_t index, const PreparedPhoto& prepared)>;

  PhotoPipeline(std::shared_ptr<const PhotoSet> set, const PhotoOptions& options,
                const AugmentationOptions& augmentation, std::shared_ptr<DamagedSamples> damaged);
  ~PhotoPipeline();
  PhotoPipeline(const PhotoPipeline&) = delete;
  PhotoPipeline& operator=(const PhotoPipeline&) = delete;

  /// Starts to prepare these visits; hints of before that are not among them are given up.
  void hint(std::span<const Visit> visits);

  /// Hands over each visit's photograph, in order. Whoever is next in order reports first, so that an error is the same
  /// one with any number of threads.
  ///
  /// throws  DataError naming place and sample
  void take(std::span<const Visit> visits, const Receive& receive);

  /// The same of the sound ones of samples first ... first + count - 1, centrally cropped and not augmented.
  void take_plain(std::int64_t first, std::int64_t count, const Receive& receive);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quasar
