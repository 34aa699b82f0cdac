#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>

/// A fuzz target is one file that defines these two; mutate.cpp is their main.
namespace quasar::fuzz {

/// Inputs to start from: valid ones, and one for every fault that was ever found.
std::vector<std::string> seeds();

/// Reads one input. Throws quasar::Error to refuse it; any other exception, a crash or a hang is a finding.
void parse(const std::string& input);

/// For readers that want a file; in memory where there is such a place.
class InputFile {
 public:
  explicit InputFile(const std::string& name)
      : folder_((::access("/dev/shm", W_OK | X_OK) == 0 ? std::filesystem::path("/dev/shm")
                                                        : std::filesystem::temp_directory_path()) /
                ("quasar-fuzz-" + std::to_string(::getpid()))),
        path_(folder_ / name) {
    std::filesystem::create_directories(folder_);
  }
  ~InputFile() { std::filesystem::remove_all(folder_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& holding(const std::string& input) const {
    std::ofstream(path_, std::ios::binary) << input;
    return path_;
  }
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_, path_;
};

}  // namespace quasar::fuzz
