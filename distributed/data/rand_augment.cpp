#include "distributed/data/rand_augment.h"

#include <cmath>

#include "core/random.h"

namespace quasar {
namespace {

constexpr int kLastBin = 30;

bool has_sign(PhotoOperation operation) {
  return operation >= PhotoOperation::shear_x && operation <= PhotoOperation::sharpness;
}

}  // namespace

double operation_magnitude(PhotoOperation operation, int bin, PhotoSize size) {
  const double share = static_cast<double>(bin) / kLastBin;
  switch (operation) {
    case PhotoOperation::shear_x:
    case PhotoOperation::shear_y:
      return 0.3 * share;
    case PhotoOperation::translate_x:
      return 150.0 / 331.0 * size.cols * share;
    case PhotoOperation::translate_y:
      return 150.0 / 331.0 * size.rows * share;
    case PhotoOperation::rotate:
      return 30.0 * share;
    case PhotoOperation::brightness:
    case PhotoOperation::color:
    case PhotoOperation::contrast:
    case PhotoOperation::sharpness:
      return 0.9 * share;
    case PhotoOperation::posterize:
      return 8.0 - std::nearbyint(4.0 * share);
    case PhotoOperation::solarize:
      return 255.0 - 8.5 * bin;
    case PhotoOperation::identity:
    case PhotoOperation::auto_contrast:
    case PhotoOperation::equalize:
      return 0.0;
  }
  return 0.0;
}

void rand_augment(const RandAugmentOptions& options, std::uint64_t seed, std::int64_t position, Photo& photo,
                  Photo& scratch) {
  for (int layer = 0; layer < options.layers; ++layer) {
    const Words random = words({.seed = seed,
                                .use = Use::rand_augment,
                                .replica = 0,
                                .step = static_cast<std::uint64_t>(position),
                                .lane = 0,
                                .index = static_cast<std::uint32_t>(layer)});
    const auto operation = static_cast<PhotoOperation>(uniform_below(random.w[0], kPhotoOperations));
    const bool negative = has_sign(operation) && (random.w[1] >> 31) == 1;
    const double magnitude = operation_magnitude(operation, options.magnitude, photo.size);
    apply(operation, negative ? -magnitude : magnitude, photo, scratch);
  }
}

}  // namespace quasar
