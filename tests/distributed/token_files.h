#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "tests/distributed/temporary_folder.h"

namespace quasar {

/// Tokens as 16 bits each, little-endian.
inline std::vector<std::uint8_t> nanogpt_bytes(const std::vector<int>& tokens) {
  std::vector<std::uint8_t> bytes;
  for (const int token : tokens) {
    bytes.push_back(static_cast<std::uint8_t>(token & 255));
    bytes.push_back(static_cast<std::uint8_t>(token >> 8));
  }
  return bytes;
}

/// The same behind llm.c's header, which declares `declared` tokens.
inline std::vector<std::uint8_t> llmc_bytes(const std::vector<int>& tokens, std::uint32_t declared,
                                            std::uint32_t magic = 20240520, std::uint32_t version = 1) {
  std::vector<std::uint8_t> bytes;
  for (const std::uint32_t word : {magic, version, declared})
    for (const int shift : {0, 8, 16, 24}) bytes.push_back(static_cast<std::uint8_t>(word >> shift));
  bytes.resize(1024);
  for (const std::uint8_t byte : nanogpt_bytes(tokens)) bytes.push_back(byte);
  return bytes;
}

/// first, first + 1, ... below 1000, then from 0 again.
inline std::vector<int> counting(int count, int first = 0) {
  std::vector<int> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back((first + i) % 1000);
  return tokens;
}

}  // namespace quasar
