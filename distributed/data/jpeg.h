#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "distributed/data/photo.h"

namespace quasar {

/// Decodes JPEG files by libjpeg-turbo into what Pillow's convert("RGB") gives, to the last bit.
///
/// Grey files become three equal channels; CMYK and YCCK are taken as Adobe writes them, inverted, and become
/// r = (1 - c)(1 - k). An orientation in EXIF is ignored, as torchvision's ImageFolder does.
/// A file that ends early, or whose data libjpeg had to guess, is damaged; bytes between its segments, which many
/// cameras leave, are not.
/// An object keeps libjpeg's memory between photographs and belongs to one thread.
class JpegDecoder {
 public:
  static constexpr std::int64_t kMostPixels = std::int64_t{1} << 26;  ///< of a photograph
  static constexpr std::int64_t kMostPixelsOfAByte = 1024;  ///< twice what empty blocks of a progressive file need
  static constexpr int kMostScans = 100;                    ///< of a progressive file, each of which takes time

  JpegDecoder();
  ~JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  /// Reads the header of a file; `bytes` must outlive decode().
  ///
  /// throws  DamagedPhoto for what is no JPEG file (a PNG is named as such), and for a size that the bytes cannot hold,
  ///         before any memory is taken for it
  PhotoSize open(std::span<const std::uint8_t> bytes);

  /// Decodes the opened file with 1/denominator of its rows and columns, rounded up: 1, 2, 4 or 8, by smaller inverse
  /// cosine transforms, which cost as much less.
  ///
  /// throws  DamagedPhoto
  void decode(int denominator, Photo& photo);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quasar
