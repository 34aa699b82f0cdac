#include "distributed/data/cifar.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "core/errors.h"

namespace quasar {
namespace {

constexpr std::int64_t kPixels = 3 * 32 * 32, kRecord = 1 + kPixels;

[[noreturn]] void fail(const std::filesystem::path& file, std::int64_t sample, const std::string& problem) {
  throw DataError(file.string() + ": at byte " + std::to_string(sample * kRecord) + ": sample " +
                  std::to_string(sample) + " " + problem);
}

}  // namespace

void read_cifar_batch(const std::filesystem::path& file, std::int64_t count, CifarImages& images) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (error) throw DataError(file.string() + ": cannot be read (" + error.message() + ")");
  const auto expected = static_cast<std::uintmax_t>(count * kRecord);
  if (size != expected)
    throw DataError(file.string() + ": expected " + std::to_string(expected) + " bytes (" + std::to_string(count) +
                    " samples of 3073), found " + std::to_string(size) +
                    (size < expected ? ": it ends within sample " + std::to_string(size / kRecord) : ""));
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw DataError(file.string() + ": cannot be opened (" + std::strerror(errno) + ")");

  std::size_t image = images.labels.size();
  images.labels.resize(image + static_cast<std::size_t>(count));
  images.pixels.resize(images.labels.size() * kPixels);
  std::vector<char> record(kRecord);
  for (std::int64_t sample = 0; sample < count; ++sample, ++image) {
    if (!stream.read(record.data(), kRecord)) fail(file, sample, "could not be read");
    const auto label = static_cast<std::uint8_t>(record[0]);
    if (label > 9) fail(file, sample, "has label " + std::to_string(label) + ", expected 0 to 9");
    images.labels[image] = label;
    std::copy_n(record.data() + 1, kPixels, reinterpret_cast<char*>(images.pixels.data()) + image * kPixels);
  }
}

CifarImages read_cifar10(const std::filesystem::path& folder, Split split) {
  CifarImages images;
  if (split == Split::test) {
    read_cifar_batch(folder / "test_batch.bin", kCifarBatch, images);
  } else {
    images.pixels.reserve(5 * kCifarBatch * kPixels);
    for (int batch = 1; batch <= 5; ++batch)
      read_cifar_batch(folder / ("data_batch_" + std::to_string(batch) + ".bin"), kCifarBatch, images);
  }
  return images;
}

}  // namespace quasar
