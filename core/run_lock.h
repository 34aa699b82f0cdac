#pragma once

#include <filesystem>

namespace quasar {

/// Keeps a second process out of a run's folder: <run>/.lock, locked until this object or its process ends.
class RunLock {
 public:
  /// Makes the folder if need be. Throws ConfigError naming the process and host that hold it.
  explicit RunLock(const std::filesystem::path& run_folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace quasar
