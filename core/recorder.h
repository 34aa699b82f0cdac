#pragma once

#include <cstdint>
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
/// Everything is with the system as soon as it is recorded. A recorder that is destroyed before finish() leaves the
/// status `failed`. A series that cannot be written loses lines, which are counted, but never stops the run; any other
/// file that cannot be written is a StorageError naming it.
class Recorder {
 public:
  /// Bytes of each <series>.jsonl.
  using Offsets = std::map<std::string, std::int64_t>;

  /// Creates (or empties) the folder and marks it `running`. `about` goes into run.json as it is.
  Recorder(std::filesystem::path folder, const Config& config, nlohmann::json about);
  /// Goes on in a run's folder from where offsets() was asked for: series are cut to that length, or removed if they had
  /// none; run.json keeps time.started and lists the resumptions; other files and subfolders stay. time.wall_seconds
  /// will be of this part of the run.
  Recorder(std::filesystem::path folder, const Config& config, nlohmann::json about, const Offsets& offsets);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  const std::filesystem::path& folder() const { return folder_; }

  /// Appends one line to <series>.jsonl; non-finite numbers become null and are listed under "nonfinite".
  void record(const std::string& series, nlohmann::json record);
  /// The length of every series, brought to disk first as far as it can be; for a checkpoint.
  Offsets offsets() const;
  /// How many lines (at least) of which series could not be written; the run is then done, but its logs are incomplete.
  const std::map<std::string, std::int64_t>& dropped_lines() const { return dropped_lines_; }
  /// Adds a field to run.json.
  void describe(const std::string& key, nlohmann::json value);
  /// Writes a whole file beside the records.
  void write_file(const std::string& name, const std::string& content);
  /// `done` also writes DONE, unless lines were dropped; the others say why.
  void finish(const std::string& status, const std::string& error = "");

 private:
  struct Series {
    std::ofstream stream;
    std::int64_t bytes = 0;  ///< of whole lines
    bool broken = false;     ///< ends in half a line that could not be cut off
  };

  void mark_running(const Config& config);
  void cut_series(const std::string& series, std::int64_t offset);
  bool append(const std::filesystem::path& file, Series& series, const std::string& line);
  void count_dropped(const std::string& series, const std::string& problem);
  std::filesystem::path file_of(const std::string& series) const { return folder_ / (series + ".jsonl"); }
  void write_run_json();

  std::filesystem::path folder_;
  nlohmann::json run_;
  std::map<std::string, Series> series_;
  std::map<std::string, std::int64_t> dropped_lines_;
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
