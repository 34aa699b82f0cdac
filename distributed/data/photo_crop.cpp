#include "distributed/data/photo_crop.h"

#include <algorithm>
#include <cmath>

#include "core/random.h"

namespace quasar {
namespace {

constexpr double kLeastArea = 0.08, kLeastRatio = 3.0 / 4.0, kMostRatio = 4.0 / 3.0;
constexpr int kTrials = 10;

/// Python's round(): ties go to the even neighbour.
int rounded(double value) { return static_cast<int>(std::nearbyint(value)); }

PhotoBox centred(PhotoSize photo, int rows, int cols) {
  return {.top = (photo.rows - rows) / 2, .left = (photo.cols - cols) / 2, .rows = rows, .cols = cols};
}

}  // namespace

PhotoBox random_resized_crop(PhotoSize photo, std::uint64_t seed, std::int64_t position) {
  Draw draw{.seed = seed, .use = Use::photo_crop, .replica = 0, .step = static_cast<std::uint64_t>(position)};
  const double area = static_cast<double>(photo.rows) * photo.cols;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Words shape = words(draw);
    ++draw.index;
    const Words place = words(draw);
    ++draw.index;
    const double wanted = area * (kLeastArea + (1.0 - kLeastArea) * unit_interval(shape.w[0], shape.w[1]));
    const double ratio =
        std::exp(std::log(kLeastRatio) + std::log(kMostRatio / kLeastRatio) * unit_interval(shape.w[2], shape.w[3]));
    const int cols = rounded(std::sqrt(wanted * ratio)), rows = rounded(std::sqrt(wanted / ratio));
    if (cols < 1 || rows < 1 || cols > photo.cols || rows > photo.rows) continue;
    return {.top = static_cast<int>(uniform_below(place.w[0], static_cast<std::uint32_t>(photo.rows - rows + 1))),
            .left = static_cast<int>(uniform_below(place.w[1], static_cast<std::uint32_t>(photo.cols - cols + 1))),
            .rows = rows,
            .cols = cols};
  }
  const double ratio = static_cast<double>(photo.cols) / photo.rows;
  if (ratio < kLeastRatio) return centred(photo, std::max(1, rounded(photo.cols / kLeastRatio)), photo.cols);
  if (ratio > kMostRatio) return centred(photo, photo.rows, std::max(1, rounded(photo.rows * kMostRatio)));
  return centred(photo, photo.rows, photo.cols);
}

PhotoBox central_crop(PhotoSize photo) {
  const int side = std::max(1, rounded(0.875 * std::min(photo.rows, photo.cols)));
  return centred(photo, side, side);
}

}  // namespace quasar
