#pragma once

#include "distributed/data/photo.h"

namespace quasar {

/// torchvision's RandAugment operations, in its order.
enum class PhotoOperation {
  identity,
  shear_x,
  shear_y,
  translate_x,
  translate_y,
  rotate,
  brightness,
  color,
  contrast,
  sharpness,
  posterize,
  solarize,
  auto_contrast,
  equalize
};
inline constexpr int kPhotoOperations = 14;

/// Changes a photograph as torchvision's RandAugment changes a Pillow image, with black where nothing of it is.
///
///   shear_*      x + m y, or y + m x                     magnitude m
///   translate_*  by trunc(m) pixels
///   rotate       m degrees about the centre
///   brightness, color, contrast, sharpness               blend of black, grey, mean grey, smoothed with 1 + m
///   posterize    the upper m bits of each byte
///   solarize     bytes from m on inverted
/// auto_contrast stretches each channel to 0 ... 255, equalize flattens its histogram; neither has a magnitude.
/// Geometry takes the nearest pixel, in fixed point of 2^-16 pixels as Pillow does. `scratch` is overwritten.
void apply(PhotoOperation operation, double magnitude, Photo& photo, Photo& scratch);

}  // namespace quasar
