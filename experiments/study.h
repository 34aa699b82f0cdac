#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/config.h"
#include "experiments/training_comparison.h"

namespace quasar {

/// One run of a study, and where its results are.
struct StudyRun {
  std::string arm;  ///< name of its table [arms.NAME], or the run's own name where the file has none
  std::int64_t seed;
  std::vector<std::string> command;  ///< `quasar train ...`
  std::filesystem::path folder;
};

/// A training study: every arm of a configuration with every one of `study.seeds`, so that methods differ in nothing else.
struct Study {
  std::string name;  ///< run.name
  std::vector<StudyRun> runs;

  /// Whether `quasar compare FILE` means a study: a file with [arms.NAME] tables or study.seeds.
  static bool is_one(const Config& config);
  /// Reads every run's whole configuration, so that a fault in the last arm is found before the first one is trained.
  static Study read(const std::string& file, const std::vector<std::string>& overrides, const ConfigChoice& choice);

  /// Trains what is missing, each run in a process of its own. A run that diverged stays a result.
  ///
  /// throws  Saved if a run was stopped; the run's own code if one cannot be had
  void run() const;
};

/// Rows `study`, one an arm, in the study's order: how many runs finished, mean and standard deviation over the seeds of
/// accuracy, loss, training loss, volume, steps, mean local batch, rounds and seconds, and the mean of the paired
/// differences of accuracy to the first arm with its standard error.
std::vector<nlohmann::json> study_rows(const Study& study, const std::vector<TrainedRun>& runs);

/// The rows as Markdown, for people.
std::string study_table(const std::vector<nlohmann::json>& rows);

}  // namespace quasar
