#pragma once

#include <cstdint>
#include <memory>

#include "distributed/data/photo_set.h"
#include "distributed/data/split.h"

namespace quasar {

struct ProceduralPhotoCounts {
  std::int64_t train = 1'281'167, test = 50'000;  ///< ImageNet's
  int classes = 1000;
};

/// A built-in set of photographs of many sizes, made when they are read, so that it takes no memory.
///
/// Class c is a wave in one of 25 directions and classes / 25 wavelengths, with random phase and colours. No direction is
/// another one mirrored. Image i has class i mod classes; equal on every call.
std::unique_ptr<PhotoSet> procedural_photos(Split split, const ProceduralPhotoCounts& counts);

}  // namespace quasar
