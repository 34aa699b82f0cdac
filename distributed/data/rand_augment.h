#pragma once

#include <cstdint>

#include "distributed/data/photo_operations.h"

namespace quasar {

/// RandAugment (Cubuk et al., NeurIPS 2020): `layers` operations, one after the other, of one strength.
struct RandAugmentOptions {
  int layers = 0;      ///< 0: none
  int magnitude = 10;  ///< 0 to 30, torchvision's bins; level m of 10 in TensorFlow's implementations is bin 3 m
};

/// The magnitude of an operation at one of torchvision's 31 bins; 0 where it has none.
double operation_magnitude(PhotoOperation operation, int bin, PhotoSize size);

/// Draws operations uniformly, and the sign of those that have two, by (seed, position); `scratch` is overwritten.
void rand_augment(const RandAugmentOptions& options, std::uint64_t seed, std::int64_t position, Photo& photo,
                  Photo& scratch);

}  // namespace quasar
