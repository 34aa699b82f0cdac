#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace quasar {

/// How a file holds tokens; numbers are little-endian.
enum class TokenFormat {
  text,     ///< every byte is a token, so the vocabulary is 256 whatever the encoding
  nanogpt,  ///< 16 bits a token, no header                                    github.com/karpathy/nanoGPT, prepare.py
  llmc      ///< 256 words of 32 bits (20240520, 1, tokens, 0 ...), then 16 bits a token    github.com/karpathy/llm.c
};

/// One file of tokens, of which only what is asked for is read: it takes no memory, whatever its size, and no descriptor.
class TokenFile {
 public:
  /// Compares header and size of the file.
  ///
  /// vocabulary  tokens must be below it
  /// throws      DataError naming file, offset and what was expected there
  /// Not checked: the tokens, which carry no checksum; read() checks those that it reads.
  TokenFile(std::filesystem::path path, TokenFormat format, int vocabulary);

  std::int64_t count() const { return count_; }  ///< of tokens
  const std::filesystem::path& path() const { return path_; }

  /// Writes tokens [first, first + count), which must be there; threads may read at once.
  ///
  /// throws  DataError naming file, offset and value of a token that is not in the vocabulary, or the place where the
  ///         file ends by now
  void read(std::int64_t first, std::int64_t count, std::int64_t* tokens) const;

  /// 64 bits that identify the contents: all of up to 64 MiB; of more, the size and one MiB of every 64.
  std::uint64_t hash() const;

 private:
  std::int64_t byte_of(std::int64_t token) const { return header_ + token * width_; }

  std::filesystem::path path_;
  int vocabulary_;
  std::int64_t width_, header_ = 0, count_ = 0;  // bytes of a token and of the header
};

}  // namespace quasar
