#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace quasar {

/// A new file that is being written; destroyed, it is closed and keeps what it has.
class OutputFile {
 public:
  virtual ~OutputFile() = default;
  virtual void write(std::span<const std::byte> bytes) = 0;
  /// Returns once the content would survive a power loss. After a failure the content is unknown for good: the system
  /// may have marked the pages clean, so asking again would lie, and every further sync() of this file fails too.
  virtual void sync() = 0;
  virtual void close() = 0;
};

/// What a checkpoint asks of a file system, so that tests can record it, lose power in it and let it fail.
///
/// Every failure is a StorageError with the path and the system's reason.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// A file that must not exist yet; `expected_bytes` is named where the disk turns out to be full.
  virtual std::unique_ptr<OutputFile> create(const std::filesystem::path& file, std::int64_t expected_bytes) = 0;
  virtual void create_folder(const std::filesystem::path& folder) = 0;
  /// Makes the folder's entries (not their contents) survive a power loss.
  virtual void sync_folder(const std::filesystem::path& folder) = 0;
  virtual void rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  /// A file or an empty folder.
  virtual void remove(const std::filesystem::path& path) = 0;
  /// Names in a folder, sorted.
  virtual std::vector<std::string> list(const std::filesystem::path& folder) = 0;
};

/// The one that works on the disk.
FileSystem& real_file_system();

/// Removes a folder of files.
void remove_folder(FileSystem& files, const std::filesystem::path& folder);

}  // namespace quasar
