#pragma once

#include <cstdint>

#include "distributed/data/photo.h"

namespace quasar {

/// A part of a photograph, in its pixels.
struct PhotoBox {
  int top = 0, left = 0, rows = 0, cols = 0;
  bool operator==(const PhotoBox&) const = default;
};

/// The part that a visit sees in training, a pure function of (seed, position).
///
///   area = u A, u ~ U(.08, 1);  cols/rows = e^v, v ~ U(ln 3/4, ln 4/3);  anywhere in the photograph
///
/// Ten pairs (u, v) are tried for one that fits, then the largest centred part with a ratio between the bounds is
/// taken: torchvision's RandomResizedCrop (Szegedy et al., CVPR 2015), with other draws.
PhotoBox random_resized_crop(PhotoSize photo, std::uint64_t seed, std::int64_t position);

/// The part that evaluation sees: the centred square whose side is 7/8 of the photograph's shorter one.
///
/// Resized to `size`, it is what "shorter side to size / .875, then the centred square of `size`" shows, but for the
/// photograph's rounding to whole pixels in between.
PhotoBox central_crop(PhotoSize photo);

}  // namespace quasar
