#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "distributed/data/photo.h"

namespace quasar {

/// What Pillow and torchvision made of small photographs; photo_vectors.py wrote it.
inline const nlohmann::json& photo_vectors() {
  static const nlohmann::json vectors =
      nlohmann::json::parse(std::ifstream(std::string(QUASAR_SOURCE_DIR) + "/tests/distributed/photo_vectors.json"));
  return vectors;
}

inline std::vector<std::uint8_t> bytes_of_base64(const std::string& text) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::uint8_t> bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char digit : text) {
    const std::size_t value = kDigits.find(digit);
    if (value == std::string_view::npos) break;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) bytes.push_back(static_cast<std::uint8_t>(bits >> (count -= 8)));
  }
  return bytes;
}

inline Photo photo_of(const nlohmann::json& described) {
  return {.size = {.rows = described.at("rows"), .cols = described.at("cols")},
          .pixels = bytes_of_base64(described.at("pixels"))};
}

}  // namespace quasar
