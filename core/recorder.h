#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace quasar {

class Config;

/// One run's results folder: config.toml, run.json, <series>.jsonl and, last of all, DONE.
///
/// Everything is on disk as soon as it is recorded. A recorder that is destroyed before finish() leaves the status
/// `failed`. Writing errors throw StorageError naming the file.
class Recorder {
 public:
  /// Creates (or empties) the folder and marks it `running`. `about` goes into run.json as it is.
  Recorder(std::filesystem::path folder, const Config& config, nlohmann::json about);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  const std::filesystem::path& folder() const { return folder_; }

  /// Appends one line to <series>.jsonl; non-finite numbers become null and are listed under "nonfinite".
  void record(const std::string& series, nlohmann::json record);
  /// Adds a field to run.json.
  void describe(const std::string& key, nlohmann::json value);
  /// Writes a whole file beside the records.
  void write_file(const std::string& name, const std::string& content);
  /// `done` also writes DONE; the others say why.
  void finish(const std::string& status, const std::string& error = "");

 private:
  void write_run_json();

  std::filesystem::path folder_;
  nlohmann::json run_;
  std::map<std::string, std::ofstream> series_;
  double started_;
  bool finished_ = false;
};

/// Replaces NaN and infinities by null in place; returns the paths of what was replaced.
std::vector<std::string> remove_nonfinite(nlohmann::json& value, const std::string& path = "");

/// True if the folder holds a finished run of this very code.
bool is_reusable_run(const std::filesystem::path& folder);

/// run.json of a results folder; throws DataError naming the file.
nlohmann::json read_run_json(const std::filesystem::path& folder);

/// All records of a series; a torn last line is left out. Throws DataError naming file and line.
std::vector<nlohmann::json> read_series(const std::filesystem::path& folder, const std::string& series);

}  // namespace quasar
