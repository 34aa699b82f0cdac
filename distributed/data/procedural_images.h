#pragma once

#include "distributed/data/image_classification.h"

namespace quasar {

/// A built-in set of 28x28 images in ten classes, so that everything works on a machine without data and network.
///
/// Class c is a grating at angle 18 c degrees with random phase, wavelength and contrast under a round window with a
/// random centre, plus pixel noise. Image i has class i mod 10; equal on every call.
ImageSet procedural_images(Split split, int count);

}  // namespace quasar
