#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

namespace quasar {

struct PhotoSize {
  int rows = 0, cols = 0;
  bool operator==(const PhotoSize&) const = default;
};

/// A colour image in bytes.
struct Photo {
  PhotoSize size;
  std::vector<std::uint8_t> pixels;  ///< (rows, cols, 3): red, green, blue

  /// Makes room for a photograph of this size; what was in it is lost.
  void resize(PhotoSize wanted) {
    size = wanted;
    pixels.resize(static_cast<std::size_t>(wanted.rows) * static_cast<std::size_t>(wanted.cols) * 3);
  }
  std::uint8_t* row(int index) { return pixels.data() + std::ptrdiff_t{index} * size.cols * 3; }
  const std::uint8_t* row(int index) const { return pixels.data() + std::ptrdiff_t{index} * size.cols * 3; }
};

/// A sample whose bytes make no image; who knows which sample it is stops or replaces it.
struct DamagedPhoto final : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace quasar
