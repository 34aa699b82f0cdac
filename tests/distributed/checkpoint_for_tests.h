#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "distributed/checkpoint/checkpoint_folder.h"
#include "distributed/checkpoint/sha256.h"
#include "tests/child_process.h"
#include "tests/distributed/temporary_folder.h"

namespace quasar {

/// One in memory where there is such a place: thousands of real fsyncs would take minutes.
class MemoryFolder : public TemporaryFolder {
 public:
  MemoryFolder()
      : TemporaryFolder(access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path()) {}
};

/// A state that differs in every tensor from that of another seed.
class ExampleState {
 public:
  explicit ExampleState(int seed, std::size_t numbers = 40) : weights_(numbers), counters_{seed, 2 * seed} {
    for (std::size_t i = 0; i < numbers; ++i) weights_[i] = static_cast<float>(seed) + 0.25f * static_cast<float>(i);
  }
  std::vector<NamedTensor> tensors() const {
    return {{"weights", "F32", {static_cast<std::int64_t>(weights_.size())}, std::as_bytes(std::span(weights_))},
            {"counters", "I64", {2}, std::as_bytes(std::span(counters_))}};
  }

 private:
  std::vector<float> weights_;
  std::vector<std::int64_t> counters_;
};

/// One whole save of two files.
inline void save(CheckpointFolder& folder, std::int64_t step, int seed, std::optional<double> loss = {},
                 std::size_t numbers = 40) {
  const ExampleState model(seed, numbers), rank(seed + 100);
  folder.begin(step);
  try {
    std::vector<FileRecord> files = {folder.write(step, "model.safetensors", model.tensors()),
                                     folder.write(step, "rank-000.safetensors", rank.tensors(), {{"rank", "0"}})};
    folder.commit(step, {{"seed", seed}, {"world_size", 1}}, files, loss);
  } catch (...) {
    folder.abandon(step);
    throw;
  }
}

/// Everything that a checkpoint hands to the trainer, in one hash.
inline std::string hash_of(const Checkpoint& checkpoint) {
  Sha256 hash;
  const auto add = [&](const std::string& text) { hash.update(std::as_bytes(std::span(text))); };
  add(std::to_string(checkpoint.step) + checkpoint.about.dump());
  for (const FileRecord& file : checkpoint.files) {
    const SafetensorsFile read = checkpoint.read(file.name);
    for (const auto& [key, value] : read.metadata()) add(key + "=" + value);
    for (const NamedTensor& tensor : read.tensors()) {
      add(tensor.name + tensor.type);
      hash.update(tensor.bytes);
    }
  }
  return hash.hex();
}

/// The hash of the newest valid checkpoint of a run; "none" if there is none.
inline std::string newest_hash(const std::filesystem::path& run, std::vector<std::string>* warnings = nullptr) {
  const auto newest = CheckpointFolder(run).newest_valid([&](const std::string& warning) {
    if (warnings != nullptr) warnings->push_back(warning);
  });
  return newest ? hash_of(*newest) : "none";
}

}  // namespace quasar
