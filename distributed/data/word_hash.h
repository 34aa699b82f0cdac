#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

namespace quasar {

/// h <- (h xor w) m, h <- h xor h >> 32 with an odd m: a change of one word always changes h.
inline std::uint64_t hash_word(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 32);
}

/// The same of the length and of each 8 bytes, the last ones filled up with zeros.
inline std::uint64_t hash_bytes(std::uint64_t hash, std::span<const std::uint8_t> bytes) {
  hash = hash_word(hash, bytes.size());
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<std::size_t>(8, bytes.size() - i));
    hash = hash_word(hash, word);
  }
  return hash;
}

}  // namespace quasar
