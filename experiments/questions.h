#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "experiments/comparison.h"
#include "experiments/part_runs.h"

namespace quasar {

/// What `quasar compare FILE` answers: which runs it takes, and what follows from their folders alone.
struct Question {
  std::string name;
  std::vector<PartRun> (*parts)(const Config& config, const RunOptions& run);
  std::vector<nlohmann::json> (*rows)(const std::vector<Part>& parts);
  std::string (*table)(const std::vector<nlohmann::json>& rows);
};

/// The question that `compare.question` names, the main job by default.
const Question& read_question(const Config& config);

/// The question of this name; throws DataError if there is none.
const Question& question_named(const std::string& name);

}  // namespace quasar
