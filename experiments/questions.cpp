#include "experiments/questions.h"

#include <algorithm>

#include "core/errors.h"
#include "experiments/drift_multiplier.h"
#include "experiments/side_by_side.h"
#include "experiments/stationary.h"
#include "experiments/stich.h"
#include "experiments/weak_error.h"

namespace quasar {
namespace {

const std::vector<Question> kQuestions = {
    {"side_by_side", side_by_side_parts, comparison_rows, comparison_table},
    {"weak_error", weak_error_parts, weak_error_rows, weak_error_table},
    {"drift_multiplier", drift_multiplier_parts, drift_multiplier_rows, drift_multiplier_table},
    {"stationary", stationary_parts, stationary_rows, stationary_table},
    {"stich", stich_parts, stich_rows, stich_table}};

}  // namespace

const Question& read_question(const Config& config) {
  std::vector<std::string> names;
  for (const auto& question : kQuestions) names.push_back(question.name);
  return question_named(config.choice("compare.question", names, kQuestions.front().name));
}

const Question& question_named(const std::string& name) {
  const auto found = std::find_if(kQuestions.begin(), kQuestions.end(), [&](const auto& q) { return q.name == name; });
  if (found == kQuestions.end()) throw DataError("there is no question '" + name + "'");
  return *found;
}

}  // namespace quasar
