#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace quasar {

/// Bytes of one number of a safetensors type (`F32`, `BOOL`, ...); 0 if there is no such type.
std::int64_t safetensors_type_size(const std::string& type);

/// One tensor as a safetensors header describes it; begin and end count from the end of the header.
struct SafetensorsEntry {
  std::string name;
  std::string type;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::vector<SafetensorsEntry> entries;  ///< in the order of their bytes
};

/// The header as JSON, padded with spaces to a multiple of 8 bytes. Throws CheckpointError for a name that the format
/// cannot hold.
std::string write_safetensors_header(const SafetensorsHeader& header);

/// Reads and checks a header that is followed by `data_bytes` bytes, which its tensors must fill without hole or overlap
/// (https://github.com/huggingface/safetensors#format). Throws CheckpointError naming the file and the tensor.
SafetensorsHeader read_safetensors_header(const std::string& text, std::uint64_t data_bytes, const std::string& file);

}  // namespace quasar
