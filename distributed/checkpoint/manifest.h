#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/errors.h"
#include "distributed/checkpoint/file_system.h"
#include "distributed/checkpoint/safetensors.h"

namespace quasar {

/// The newest checkpoint format that this program reads, and the one it writes.
constexpr int kCheckpointFormat = 1;

/// A checkpoint written by a later release; not damage, so nothing older is taken in its place.
struct NewerCheckpointFormat final : Error {
  explicit NewerCheckpointFormat(const std::string& message) : Error(ExitCode::checkpoint, message) {}
};

/// One checkpoint on disk, as its manifest describes it.
struct Checkpoint {
  std::filesystem::path folder;
  std::int64_t step = 0;
  std::optional<double> loss;  ///< what Retention::keep_best compares
  nlohmann::json about;        ///< the trainer's own
  std::vector<FileRecord> files;

  /// Reads one of the files, once more checked against its SHA-256. Throws CheckpointError.
  SafetensorsFile read(const std::string& name) const;
};

/// Writes manifest.json, with a SHA-256 of its own content, and brings it to disk.
void write_manifest(FileSystem& files, const Checkpoint& checkpoint);

/// Reads manifest.json of a folder; throws CheckpointError if it is missing or damaged.
Checkpoint read_manifest(const std::filesystem::path& folder);

/// Throws CheckpointError naming a file that is missing or of another size; with `hashes` reads every file to its end.
void verify_files(const Checkpoint& checkpoint, bool hashes);

/// Throws CheckpointError unless a checkpoint's file may have this name.
void check_file_name(const std::string& name);

}  // namespace quasar
