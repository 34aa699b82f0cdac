#include "distributed/data/idx.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "core/errors.h"

namespace quasar {
namespace {

constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 32;
constexpr std::uint8_t kUnsignedByte = 8;
constexpr int kMostDimensions = 4;

[[noreturn]] void fail(const std::filesystem::path& file, std::uint64_t offset, const std::string& problem) {
  throw DataError(file.string() + ": at byte " + std::to_string(offset) + ": " + problem);
}

std::uint64_t size_on_disk(const std::filesystem::path& file) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(file, error);
  if (error) throw DataError(file.string() + ": cannot be read (" + error.message() + ")");
  return size;
}

/// Reads up to `count` bytes; returns how many there were.
std::size_t read_bytes(std::ifstream& stream, std::uint8_t* bytes, std::size_t count) {
  stream.read(reinterpret_cast<char*>(bytes), static_cast<std::streamsize>(count));
  return static_cast<std::size_t>(stream.gcount());
}

}  // namespace

IdxArray read_idx(const std::filesystem::path& file) {
  const std::uint64_t file_size = size_on_disk(file);
  if (file_size > kLargestFile)
    fail(file, 0, "has " + std::to_string(file_size) + " bytes, more than the 4 GiB we read");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw DataError(file.string() + ": cannot be opened (" + std::strerror(errno) + ")");

  std::array<std::uint8_t, 4> word{};
  if (read_bytes(stream, word.data(), 4) < 4) fail(file, 0, "expected 4 bytes of an idx header, the file ends before");
  if (word[0] != 0 || word[1] != 0) fail(file, 0, "expected two zero bytes (is it an unpacked idx file?)");
  if (word[2] != kUnsignedByte) fail(file, 2, "expected type 8 (unsigned byte), found " + std::to_string(word[2]));
  const int dimensions = word[3];
  if (dimensions < 1 || dimensions > kMostDimensions)
    fail(file, 3, "expected 1 to 4 dimensions, found " + std::to_string(dimensions));

  IdxArray array;
  std::uint64_t offset = 4, values = 1;
  for (int i = 0; i < dimensions; ++i, offset += 4) {
    if (read_bytes(stream, word.data(), 4) < 4)
      fail(file, offset, "expected the size of dimension " + std::to_string(i) + ", the file ends before");
    const std::uint64_t size = (std::uint64_t{word[0]} << 24) | (std::uint64_t{word[1]} << 16) |
                               (std::uint64_t{word[2]} << 8) | std::uint64_t{word[3]};
    array.shape.push_back(size);
    // Both factors are below 2^33, so the product cannot overflow.
    values *= size;
    if (values > file_size)
      fail(file, offset,
           "declares " + std::to_string(size) + " in dimension " + std::to_string(i) +
               ", more values than the file's " + std::to_string(file_size) + " bytes");
  }
  if (offset + values != file_size)
    fail(file, offset,
         "expected " + std::to_string(values) + " bytes of values to the end of the file, found " +
             std::to_string(file_size - offset));
  array.values.resize(values);
  const std::size_t got = read_bytes(stream, array.values.data(), values);
  if (got != values) fail(file, offset + got, "could not be read to the end");
  return array;
}

}  // namespace quasar
