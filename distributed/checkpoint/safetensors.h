#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "distributed/checkpoint/file_system.h"

namespace quasar {

/// A tensor's bytes with what they mean; `type` is one of safetensors' (`F64`, `F32`, `BF16`, `I64`, `U8`, `BOOL`, ...).
struct NamedTensor {
  std::string name;
  std::string type;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;  ///< row-major, of this machine's byte order (little-endian)
};

/// What a checkpoint's manifest says of one of its files.
struct FileRecord {
  std::string name;
  std::int64_t bytes = 0;
  std::string sha256;
};

/// Writes a new safetensors file and brings it to disk; the hash is taken on the way.
///
/// Wide types come first, so that every tensor lies on a multiple of its own number's size; otherwise the order is kept.
FileRecord write_safetensors(FileSystem& files, const std::filesystem::path& file, std::span<const NamedTensor> tensors,
                             const std::map<std::string, std::string>& metadata = {});

/// A safetensors file in memory, every declared size checked against the file before memory was taken for it.
class SafetensorsFile {
 public:
  /// Throws CheckpointError naming the file and the tensor.
  static SafetensorsFile read(const std::filesystem::path& file);
  /// The same, and refuses a file of another size or SHA-256 than `record` has.
  static SafetensorsFile read(const std::filesystem::path& file, const FileRecord& record);

  /// In the order of their bytes, which live as long as this object; so neither is asked of a temporary one.
  const std::vector<NamedTensor>& tensors() const& { return tensors_; }
  const std::vector<NamedTensor>& tensors() && = delete;
  /// None if there is no tensor of that name.
  const NamedTensor* find(const std::string& name) const&;
  const NamedTensor* find(const std::string& name) && = delete;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  static SafetensorsFile read(const std::filesystem::path& file, const FileRecord* record);

  std::vector<NamedTensor> tensors_;
  std::map<std::string, std::string> metadata_;
  std::unique_ptr<std::byte[]> data_;
};

}  // namespace quasar
