#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace quasar {

/// An array of bytes with its shape, as an idx file holds it.
struct IdxArray {
  std::vector<std::size_t> shape;
  std::vector<std::uint8_t> values;  ///< row-major
};

/// Reads an idx file (the format of MNIST) of unsigned bytes.
///
///   0, 0, 8 (unsigned byte), number of dimensions, each size as 32 bits big-endian, then the values
///
/// throws  DataError naming file, offset and what was expected there; the declared sizes are compared with the file's
///         size (at most 4 GiB) before any memory is taken
/// Not checked: the values, which carry no checksum.
IdxArray read_idx(const std::filesystem::path& file);

}  // namespace quasar
