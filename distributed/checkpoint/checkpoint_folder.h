#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "distributed/checkpoint/file_system.h"
#include "distributed/checkpoint/manifest.h"
#include "distributed/checkpoint/safetensors.h"

namespace quasar {

/// Which checkpoints outlive a later one; the newest valid one always does.
struct Retention {
  int keep_last = 2;
  std::int64_t keep_every = 0;  ///< steps that are a multiple of it are kept for good; 0: none
  bool keep_best = true;        ///< the one of the least loss, the newest if two have it
};

/// <run>/checkpoints: step-00001234/{manifest.json, model.safetensors, rank-000.safetensors, ...}.
///
/// A save is begin on rank 0, then write on any rank, then commit (or abandon) on rank 0, each once all ranks are done
/// with what is before. Until commit's one rename, files lie in .saving-step-00001234, which no reader looks at; every
/// file and folder is on disk before it. A save of a step that exists puts the older one aside, as .replaced-step-...,
/// which counts as that step if the new one does not arrive.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(const std::filesystem::path& run_folder, FileSystem& files = real_file_system(),
                            int rank = 0);

  const std::filesystem::path& path() const { return path_; }

  /// Finishes or removes what an interrupted process left; rank 0, before anything else, under the RunLock.
  void clean();

  void begin(std::int64_t step);
  /// Throws StorageError, having removed the file; then rank 0 must abandon the save.
  FileRecord write(std::int64_t step, const std::string& name, std::span<const NamedTensor> tensors,
                   const std::map<std::string, std::string>& metadata = {}) const;
  /// The checkpoint exists, and survives a power loss, once this returns. If it throws, the save has been abandoned.
  void commit(std::int64_t step, nlohmann::json about, std::vector<FileRecord> files, std::optional<double> loss = {});
  /// Removes an unfinished save as far as the disk allows; what is left is removed by the next begin or clean.
  void abandon(std::int64_t step) noexcept;

  /// Steps that have a checkpoint, valid or not, in ascending order.
  std::vector<std::int64_t> steps() const;
  /// A checkpoint with every file verified; throws CheckpointError naming what is damaged or missing.
  Checkpoint open(std::int64_t step) const;
  /// The newest checkpoint whose every file is as its manifest says; `warn` is told why a newer one was passed over.
  /// None if there is no valid one. Throws NewerCheckpointFormat.
  std::optional<Checkpoint> newest_valid(const std::function<void(const std::string&)>& warn) const;
  /// Deletes what need not be kept. Reads every file of a checkpoint that this object neither wrote nor verified yet.
  void apply(const Retention& retention);

 private:
  std::filesystem::path folder_of(std::int64_t step) const;
  std::filesystem::path saving(std::int64_t step) const;
  std::filesystem::path replaced(std::int64_t step) const;
  void publish(std::int64_t step);
  void discard(const std::filesystem::path& folder) noexcept;
  void remove(std::int64_t step);

  std::filesystem::path run_folder_, path_;
  FileSystem& files_;
  int rank_;
  bool path_is_on_disk_ = false;
  std::set<std::int64_t> verified_;  // written or read to its end by this object
};

}  // namespace quasar
