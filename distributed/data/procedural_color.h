#pragma once

#include "distributed/data/image_classification.h"
#include "distributed/data/labelled_images.h"

namespace quasar {

/// A built-in set of 32x32 colour images in ten classes, so that everything works without data and network.
///
/// Class c is texture c mod 5 (upright stripes, level stripes, checks, rings, diamonds), fine for c < 5 and coarse
/// otherwise, with random phase, centre, wavelength and colours, pixel noise and a patch of one colour over part of it.
/// No class is another one mirrored or moved, so flips and crops keep the label; mean colours say nothing about it.
/// Image i has class i mod 10; equal on every call. Mean and deviation are left to the caller.
LabelledImages procedural_color_images(Split split, int count);

}  // namespace quasar
