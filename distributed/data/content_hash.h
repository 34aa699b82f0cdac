#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

namespace quasar {

/// One step of a hash that identifies contents: a change of one word always changes it.
///
///   h <- (h xor w) m, h <- h xor h >> 32      with an odd m, so that multiplication loses nothing
inline std::uint64_t mix_into(std::uint64_t hash, std::uint64_t word) {
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15u;
  hash = (hash ^ word) * kMultiplier;
  return hash ^ (hash >> 32);
}

/// The same for the number of bytes and each 8 of them.
inline std::uint64_t mix_into(std::uint64_t hash, std::span<const std::uint8_t> bytes) {
  hash = mix_into(hash, bytes.size());
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<std::size_t>(8, bytes.size() - i));
    hash = mix_into(hash, word);
  }
  return hash;
}

}  // namespace quasar
