#include "distributed/data/token_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <span>
#include <utility>
#include <vector>

#include "core/errors.h"
#include "distributed/data/word_hash.h"

namespace quasar {
namespace {

constexpr std::int64_t kHeaderWords = 256, kHeader = 4 * kHeaderWords;
constexpr std::uint32_t kMagic = 20240520, kVersion = 1, kMagicOfWideTokens = 20240801;
constexpr std::int64_t kMebibyte = 1 << 20, kHashedWhole = 64 * kMebibyte;

using Bytes = std::vector<std::uint8_t>;

[[noreturn]] void fail(const std::filesystem::path& file, std::int64_t offset, const std::string& problem) {
  throw DataError(file.string() + ": at byte " + std::to_string(offset) + ": " + problem);
}

std::int64_t size_on_disk(const std::filesystem::path& file) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (error) throw DataError(file.string() + ": cannot be read (" + error.message() + ")");
  return static_cast<std::int64_t>(size);
}

Bytes read_bytes(const std::filesystem::path& file, std::int64_t offset, std::int64_t count) {
  std::ifstream stream;
  stream.rdbuf()->pubsetbuf(nullptr, 0);  // what is wanted, and nothing beyond it
  stream.open(file, std::ios::binary);
  if (!stream) throw DataError(file.string() + ": cannot be opened (" + std::strerror(errno) + ")");
  Bytes bytes(static_cast<std::size_t>(count));
  stream.seekg(offset);
  stream.read(reinterpret_cast<char*>(bytes.data()), count);
  if (stream.gcount() != count)
    fail(file, offset + stream.gcount(), "ends here, " + std::to_string(count - stream.gcount()) + " bytes too early");
  return bytes;
}

std::uint32_t word_at(const Bytes& bytes, std::size_t word) {
  const std::uint8_t* b = bytes.data() + 4 * word;
  return std::uint32_t{b[0]} | (std::uint32_t{b[1]} << 8) | (std::uint32_t{b[2]} << 16) | (std::uint32_t{b[3]} << 24);
}

/// The tokens that the header declares.
std::int64_t read_llmc_header(const std::filesystem::path& file, std::int64_t size) {
  if (size < kHeader)
    fail(file, size, "expected the 1024 bytes of an llm.c header, the file ends before (is it a nanogpt file?)");
  const Bytes header = read_bytes(file, 0, kHeader);
  const std::uint32_t magic = word_at(header, 0), version = word_at(header, 1);
  if (magic == kMagicOfWideTokens) fail(file, 0, "holds tokens of 32 bits (20240801), which are not read");
  if (magic != kMagic)
    fail(file, 0, "expected the llm.c number 20240520, found " + std::to_string(magic) + " (is it a nanogpt file?)");
  if (version != kVersion) fail(file, 4, "expected version 1, found " + std::to_string(version));
  return word_at(header, 2);
}

}  // namespace

TokenFile::TokenFile(std::filesystem::path path, TokenFormat format, int vocabulary)
    : path_(std::move(path)), vocabulary_(vocabulary), width_(format == TokenFormat::text ? 1 : 2) {
  const std::int64_t size = size_on_disk(path_);
  if (format == TokenFormat::llmc) {
    header_ = kHeader;
    count_ = read_llmc_header(path_, size);
    if (size != byte_of(count_))
      fail(path_, 8,
           "declares " + std::to_string(count_) + " tokens, for which the file would have " +
               std::to_string(byte_of(count_)) + " bytes; it has " + std::to_string(size));
    return;
  }
  if (size % width_ != 0)
    fail(path_, size - 1, "the file ends within a token of 16 bits (it has " + std::to_string(size) + " bytes)");
  count_ = size / width_;
}

void TokenFile::read(std::int64_t first, std::int64_t count, std::int64_t* tokens) const {
  const Bytes bytes = read_bytes(path_, byte_of(first), count * width_);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint8_t* b = bytes.data() + i * width_;
    tokens[i] = width_ == 1 ? b[0] : b[0] | (b[1] << 8);
    if (tokens[i] >= vocabulary_)
      fail(path_, byte_of(first + i),
           "token " + std::to_string(first + i) + " is " + std::to_string(tokens[i]) + ", not below the vocabulary's " +
               std::to_string(vocabulary_) + " (data.vocabulary)");
  }
}

std::uint64_t TokenFile::hash() const {
  const std::int64_t size = byte_of(count_), stride = size <= kHashedWhole ? kMebibyte : kHashedWhole;
  std::uint64_t hash = hash_word(0, static_cast<std::uint64_t>(size));
  for (std::int64_t offset = 0; offset < size; offset += stride)
    hash = hash_bytes(hash, read_bytes(path_, offset, std::min(kMebibyte, size - offset)));
  return hash;
}

}  // namespace quasar
