#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "distributed/data/image_classification.h"

namespace quasar {

/// Images of 3 x 32 x 32 bytes with their classes, as CIFAR-10's binary files hold them.
struct CifarImages {
  std::vector<std::uint8_t> pixels;  ///< (count, 3, 32, 32): red, green, blue
  std::vector<std::uint8_t> labels;  ///< (count), 0 to 9
};

inline constexpr std::int64_t kCifarBatch = 10'000;  ///< images in one file of the official set

/// Appends the `count` images of one file to `images`.
///
///   a record: 1 byte of label, 1024 of red, 1024 of green, 1024 of blue, row-major    cs.toronto.edu/~kriz/cifar.html
///
/// throws  DataError naming file, offset and sample; the file's size is compared before any memory is taken
/// Not checked: the pixels, which carry no checksum.
void read_cifar_batch(const std::filesystem::path& file, std::int64_t count, CifarImages& images);

/// One split from the folder of the official files: data_batch_1..5.bin, or test_batch.bin.
CifarImages read_cifar10(const std::filesystem::path& folder, Split split);

}  // namespace quasar
