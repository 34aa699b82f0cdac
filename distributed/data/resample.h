#pragma once

#include "distributed/data/photo.h"
#include "distributed/data/photo_crop.h"

namespace quasar {

/// Resizes a part of a photograph to `size` by antialiased bilinear interpolation, along rows first, in bytes.
///
///   y_i = sum_j w((j + 1/2 - c_i) / s) x_j / sum_j w(...),  c_i = (i + 1/2) n_in / n_out,  s = max(1, n_in / n_out)
///
/// with w(t) = max(0, 1 - |t|). Weights are whole multiples of 2^-22 and each pass rounds to bytes, as in Pillow's
/// resize(BILINEAR), which this equals to the last bit (torchvision's Resize of an image).
/// An object keeps its tables and belongs to one thread.
/// Not checked: that the part lies within the photograph and has pixels.
class Resampler {
 public:
  void resize(const Photo& photo, const PhotoBox& box, PhotoSize size, Photo& result);

 private:
  /// What one output pixel is made of.
  struct Taps {
    int first = 0, count = 0;
  };
  struct Axis {
    std::vector<Taps> taps;
    std::vector<std::int32_t> weights;  ///< (outputs, width)
    int width = 0;
    void measure(int in, int out);
  };

  Axis across_, down_;
  Photo narrowed_;
  std::vector<std::int32_t> sums_;
};

}  // namespace quasar
