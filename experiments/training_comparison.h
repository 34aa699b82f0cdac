#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace quasar {

/// The results folder of a training run (run.json says kind `training`), finished or not.
struct TrainedRun {
  std::filesystem::path folder;
  nlohmann::json info;                                      ///< run.json
  std::map<std::string, std::string> settings;              ///< config.toml by dotted key; texts without their quotes
  nlohmann::json last_evaluation, last_average, last_step;  ///< the last records, null where there are none
  std::string method;  ///< such as `QSR α=0.01`; unique among the runs that are compared

  bool is_parallel() const;
};

/// True for the folder of a training run, or of a comparison of training runs.
bool holds_training(const std::filesystem::path& folder);

/// Reads the folders, opening comparisons, and names each run's method, with the settings that tell equal ones apart.
std::vector<TrainedRun> load_trained_runs(const std::vector<std::string>& folders);

/// The method in a few words: parallel, constant H=8, H=β/η (β=0.1), QSR α=0.01, ... and what is added to it.
std::string method_of(const std::map<std::string, std::string>& settings);

/// Rows of the table of training runs.
///
/// `training`  one a run: method, workers, steps, rounds, volume, bytes a worker, accuracy, loss, seconds, samples/s
/// `overlap`   whether a local run can be faster than the parallel one, from both runs' measured seconds a step
/// `differs`   a setting without which accuracies cannot be compared, and its values
std::vector<nlohmann::json> training_rows(const std::vector<TrainedRun>& runs);

/// The rows as Markdown, for people.
std::string training_table(const std::vector<nlohmann::json>& rows);

}  // namespace quasar
