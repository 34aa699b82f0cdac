#include "distributed/local_sgd/language_task.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "core/config.h"

namespace quasar {
namespace {

bool is_one_of(const Config& config, const std::string& key, const std::vector<std::string>& names) {
  return config.has(key) && std::find(names.begin(), names.end(), config.text(key)) != names.end();
}

}  // namespace

bool LanguageTask::is_meant_by(const Config& config) {
  return is_one_of(config, "network.name", {"llama", "microllama"}) ||
         is_one_of(config, "data.name", token_set_names());
}

LanguageTask LanguageTask::read(const Config& config, std::uint64_t seed) {
  LanguageTask task;
  task.read_shared(config, seed);
  task.sets = std::make_shared<TokenSets>(TokenSets::read(config));
  task.network = LanguageNetworkOptions::read(config, task.sets->vocabulary);
  if (task.sets->context > task.network.context)
    config.fail("data.context", "is more than network.context = " + std::to_string(task.network.context) +
                                    ", the longest sequence of the network; make it shorter or that longer");
  return task;
}

std::int64_t LanguageTask::samples(Split split) const {
  return split == Split::train ? sets->train->count() : sets->test->count();
}

nlohmann::json LanguageTask::scores(const EvaluationCounts& counts) const {
  nlohmann::json scores = TrainingTask::scores(counts);
  scores["perplexity"] = std::exp(scores.at("loss").get<double>());
  if (sets->entropy_rate) scores["entropy_rate"] = *sets->entropy_rate;
  return scores;
}

nlohmann::json LanguageTask::about() const {
  return {{"data", sets->source},
          {"vocabulary", sets->vocabulary},
          {"context", sets->context},
          {"train_windows", sets->train->count()},
          {"test_windows", sets->test->count()}};
}

}  // namespace quasar
