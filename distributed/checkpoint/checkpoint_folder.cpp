#include "distributed/checkpoint/checkpoint_folder.h"

#include <algorithm>
#include <cstdio>

#include "core/errors.h"
#include "core/fault_plan.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;

const std::string kSaving = ".saving-", kReplaced = ".replaced-", kDeleting = ".deleting-";

std::string name_of(std::int64_t step) {
  char text[32];
  std::snprintf(text, sizeof(text), "step-%08lld", static_cast<long long>(step));
  return text;
}

/// None if a folder of this name is no checkpoint.
std::optional<std::int64_t> step_of(const std::string& name) {
  long long step = 0;
  if (std::sscanf(name.c_str(), "step-%18lld", &step) != 1 || name != name_of(step)) return {};
  return step;
}

}  // namespace

CheckpointFolder::CheckpointFolder(const fs::path& run_folder, FileSystem& files, int rank)
    : run_folder_(run_folder), path_(run_folder / "checkpoints"), files_(files), rank_(rank) {}

fs::path CheckpointFolder::saving(std::int64_t step) const { return path_ / (kSaving + name_of(step)); }
fs::path CheckpointFolder::replaced(std::int64_t step) const { return path_ / (kReplaced + name_of(step)); }

fs::path CheckpointFolder::folder_of(std::int64_t step) const {
  const fs::path folder = path_ / name_of(step);
  return fs::exists(folder) || !fs::exists(replaced(step)) ? folder : replaced(step);
}

void CheckpointFolder::clean() {
  if (!fs::exists(path_)) return;
  for (const std::string& name : files_.list(path_)) {
    const fs::path folder = path_ / name;
    if (name.starts_with(kSaving) || name.starts_with(kDeleting)) remove_folder(files_, folder);
    if (!name.starts_with(kReplaced)) continue;
    const fs::path final_folder = path_ / name.substr(kReplaced.size());
    if (fs::exists(final_folder))
      remove_folder(files_, folder);
    else
      files_.rename(folder, final_folder);
  }
}

void CheckpointFolder::begin(std::int64_t step) {
  if (!fs::exists(path_)) files_.create_folder(path_);
  if (!path_is_on_disk_) files_.sync_folder(run_folder_);
  path_is_on_disk_ = true;
  if (fs::exists(saving(step))) remove_folder(files_, saving(step));
  files_.create_folder(saving(step));
}

FileRecord CheckpointFolder::write(std::int64_t step, const std::string& name, std::span<const NamedTensor> tensors,
                                   const std::map<std::string, std::string>& metadata) const {
  check_file_name(name);
  const fs::path file = saving(step) / name;
  try {
    if (fault_at(FaultSite::ckpt_write, rank_, step) == FaultKind::enospc)
      throw StorageError("'" + file.string() + "': no space left on device (fault plan)");
    return write_safetensors(files_, file, tensors, metadata);
  } catch (const Error&) {
    try {
      if (fs::exists(file)) files_.remove(file);
    } catch (const Error&) {  // it goes with the whole save
    }
    throw;
  }
}

void CheckpointFolder::commit(std::int64_t step, nlohmann::json about, std::vector<FileRecord> files,
                              std::optional<double> loss) {
  try {
    if (fault_at(FaultSite::ckpt_fsync, rank_, step) == FaultKind::enospc)
      throw StorageError("'" + saving(step).string() + "': no space left on device (fault plan)");
    write_manifest(files_, {saving(step), step, loss, std::move(about), std::move(files)});
    files_.sync_folder(saving(step));
    publish(step);
  } catch (...) {
    abandon(step);
    throw;
  }
  verified_.insert(step);
}

void CheckpointFolder::publish(std::int64_t step) {
  const fs::path folder = path_ / name_of(step);
  if (fs::exists(folder)) {
    if (fs::exists(replaced(step))) remove_folder(files_, replaced(step));
    files_.rename(folder, replaced(step));
  }
  fault_at(FaultSite::ckpt_rename, rank_, step);
  files_.rename(saving(step), folder);
  files_.sync_folder(path_);
  // The older one of this step goes only now that the new one cannot be lost.
  discard(replaced(step));
}

void CheckpointFolder::discard(const fs::path& folder) noexcept {
  try {
    if (fs::exists(folder)) remove_folder(files_, folder);
  } catch (const std::exception&) {  // removed by the next begin or clean
  }
}

void CheckpointFolder::abandon(std::int64_t step) noexcept {
  verified_.erase(step);
  try {
    if (fs::exists(replaced(step)) && !fs::exists(path_ / name_of(step)))
      files_.rename(replaced(step), path_ / name_of(step));
  } catch (const std::exception&) {  // still found as .replaced-...
  }
  discard(saving(step));
}

std::vector<std::int64_t> CheckpointFolder::steps() const {
  std::set<std::int64_t> found;
  if (fs::exists(path_))
    for (const std::string& name : files_.list(path_))
      if (const auto step = step_of(name.starts_with(kReplaced) ? name.substr(kReplaced.size()) : name))
        found.insert(*step);
  return {found.begin(), found.end()};
}

Checkpoint CheckpointFolder::open(std::int64_t step) const {
  const fs::path folder = folder_of(step);
  if (!fs::exists(folder)) throw CheckpointError(folder.string() + ": there is no such checkpoint");
  Checkpoint checkpoint = read_manifest(folder);
  if (checkpoint.step != step)
    throw CheckpointError(folder.string() + ": holds step " + std::to_string(checkpoint.step));
  verify_files(checkpoint, true);
  return checkpoint;
}

std::optional<Checkpoint> CheckpointFolder::newest_valid(const std::function<void(const std::string&)>& warn) const {
  const auto all = steps();
  for (auto step = all.rbegin(); step != all.rend(); ++step) try {
      return open(*step);
    } catch (const CheckpointError& error) {
      warn("checkpoint of step " + std::to_string(*step) + " passed over: " + error.what());
    }
  return {};
}

void CheckpointFolder::apply(const Retention& retention) {
  std::set<std::int64_t> keep;
  std::optional<std::int64_t> newest, best;
  double least = 0.0;
  int kept = 0;
  const auto all = steps();
  for (auto step = all.rbegin(); step != all.rend(); ++step) try {
      const Checkpoint checkpoint = read_manifest(folder_of(*step));
      verify_files(checkpoint, !verified_.contains(*step));
      verified_.insert(*step);
      if (!newest) newest = *step;
      if (kept < std::max(retention.keep_last, 1) || (retention.keep_every > 0 && *step % retention.keep_every == 0))
        keep.insert(*step);
      ++kept;
      if (checkpoint.loss && (!best || *checkpoint.loss < least)) {
        best = *step;
        least = *checkpoint.loss;
      }
    } catch (const NewerCheckpointFormat&) {
      keep.insert(*step);               // not ours to judge
    } catch (const CheckpointError&) {  // damaged: counts as none
    }
  if (retention.keep_best && best) keep.insert(*best);
  for (const std::int64_t step : all)
    if (newest && step < *newest && !keep.contains(step)) remove(step);
}

void CheckpointFolder::remove(std::int64_t step) {
  // Out of sight first, so that half of one is never taken for a damaged one.
  const fs::path doomed = path_ / (kDeleting + name_of(step));
  if (fs::exists(doomed)) remove_folder(files_, doomed);
  files_.rename(folder_of(step), doomed);
  verified_.erase(step);
  remove_folder(files_, doomed);
}

}  // namespace quasar
