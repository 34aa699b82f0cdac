#include "distributed/data/photo_worker.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/errors.h"
#include "distributed/data/batch_mixing.h"
#include "distributed/data/photo_crop.h"

namespace quasar {
namespace {

int denominator_for(const PhotoBox& box, int size) {
  for (const int denominator : {8, 4, 2})
    if (box.rows >= denominator * size && box.cols >= denominator * size) return denominator;
  return 1;
}

int scaled(int length, int denominator) {
  return std::max(1, static_cast<int>(std::lround(static_cast<double>(length) / denominator)));
}

/// The part in a photograph that was decoded at 1/denominator, to its nearest pixels.
PhotoBox scaled(const PhotoBox& box, int denominator, PhotoSize decoded) {
  if (denominator == 1) return box;
  PhotoBox part{.top = box.top / denominator,
                .left = box.left / denominator,
                .rows = scaled(box.rows, denominator),
                .cols = scaled(box.cols, denominator)};
  part.rows = std::min(part.rows, decoded.rows - part.top);
  part.cols = std::min(part.cols, decoded.cols - part.left);
  return part;
}

void mirror(Photo& photo) {
  for (int row = 0; row < photo.size.rows; ++row) {
    std::uint8_t *left = photo.row(row), *right = left + 3 * (photo.size.cols - 1);
    for (; left < right; left += 3, right -= 3) std::swap_ranges(left, left + 3, right);
  }
}

}  // namespace

PhotoWorker::PhotoWorker(const PhotoSet& set, const PhotoOptions& options, const AugmentationOptions& augmentation)
    : set_(set), options_(options), augmentation_(augmentation), reader_(set.make_reader()) {}

PreparedPhoto PhotoWorker::prepare(std::int64_t sample, std::optional<std::int64_t> position) {
  PreparedPhoto prepared;
  for (std::int64_t tried = 0; tried < set_.count(); ++tried, sample = (sample + 1) % set_.count()) try {
      decode(sample, position, prepared.photo);
      prepared.label = set_.label(sample);
      prepared.is_sound = true;
      if (!position) return prepared;
      if (is_flipped(augmentation_, *position)) mirror(prepared.photo);
      rand_augment(options_.rand_augment, augmentation_.seed, *position, prepared.photo, scratch_);
      return prepared;
    } catch (const DamagedPhoto& damage) {
      const std::string message =
          set_.place(sample) + ": sample " + std::to_string(sample) + " is damaged (" + damage.what() + ")";
      if (options_.on_damaged == OnDamaged::stop)
        throw DataError(message + "; repair it, or have it skipped by data.on_damaged = \"skip\"");
      prepared.damaged.push_back({sample, message});
      if (!position) return prepared;
    }
  throw DataError(set_.source() + ": every one of its samples is damaged");
}

void PhotoWorker::decode(std::int64_t sample, std::optional<std::int64_t> position, Photo& result) {
  const PhotoSize photo = reader_->open(sample);
  const PhotoBox box = position && options_.random_resized_crop
                           ? random_resized_crop(photo, augmentation_.seed, *position)
                           : central_crop(photo);
  const int denominator = denominator_for(box, options_.size);
  reader_->decode(denominator, decoded_);
  resampler_.resize(decoded_, scaled(box, denominator, decoded_.size), {.rows = options_.size, .cols = options_.size},
                    result);
}

}  // namespace quasar
