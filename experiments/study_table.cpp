// The table of a training study: each arm's mean and spread over the seeds.

#include <cmath>
#include <cstdio>
#include <map>

#include "core/estimate.h"
#include "experiments/study.h"

namespace quasar {
namespace {

using nlohmann::json;

const std::vector<std::string> kAveraged = {"accuracy", "loss",        "train_loss", "volume",
                                            "steps",    "local_batch", "rounds",     "seconds"};

json to_row(const RunningMoments& moments) {
  if (moments.count() == 0) return nullptr;
  return {{"mean", moments.mean()}, {"sd", moments.standard_deviation()}, {"n", moments.count()}};
}

std::string cell(const json& row, const char* key, int digits, double factor = 1.0) {
  const json& value = row.at(key);
  if (value.is_null()) return "-";
  char text[64];
  const double mean = factor * value.at("mean").get<double>(), sd = factor * value.at("sd").get<double>();
  if (value.at("n") > 1)
    std::snprintf(text, sizeof(text), "%.*f ± %.*f", digits, mean, digits, sd);
  else
    std::snprintf(text, sizeof(text), "%.*f", digits, mean);
  return text;
}

std::string difference(const json& row) {
  if (!row.contains("difference")) return "";
  char text[64];
  std::snprintf(text, sizeof(text), "%+.2f ± %.2f", 100.0 * row.at("difference").at("mean").get<double>(),
                100.0 * row.at("difference").at("standard_error").get<double>());
  return text;
}

/// Accuracy of the finished runs of an arm, by seed.
std::map<std::int64_t, double> accuracies(const Study& study, const std::vector<json>& runs, const std::string& arm) {
  std::map<std::int64_t, double> result;
  for (std::size_t i = 0; i < runs.size(); ++i)
    if (study.runs[i].arm == arm && runs[i].at("status") == "done" && runs[i].at("accuracy").is_number())
      result[study.runs[i].seed] = runs[i].at("accuracy");
  return result;
}

}  // namespace

std::vector<json> study_rows(const Study& study, const std::vector<TrainedRun>& trained) {
  std::vector<json> runs, rows;
  for (const TrainedRun& run : trained) {
    runs.push_back(training_rows({run}).front());
    const auto train_loss = run.last_evaluation.find("train_loss");
    json& row = runs.back();
    row["train_loss"] = train_loss == run.last_evaluation.end() ? json() : *train_loss;
    row["local_batch"] = json();  // the mean: the norm test changes it
    if (row["samples"].is_number() && row["steps"].is_number() && row["num_workers"].is_number() && row["steps"] > 0)
      row["local_batch"] =
          row["samples"].get<double>() / (row["steps"].get<double>() * row["num_workers"].get<double>());
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string& arm = study.runs[i].arm;
    if (!rows.empty() && std::any_of(rows.begin(), rows.end(), [&](const json& row) { return row["arm"] == arm; }))
      continue;
    json row = {{"row", "study"}, {"arm", arm}, {"method", method_of(trained[i].settings)}};
    std::map<std::string, RunningMoments> moments;
    std::int64_t of_arm = 0;
    for (std::size_t j = i; j < runs.size(); ++j) {
      if (study.runs[j].arm != arm) continue;
      ++of_arm;
      if (runs[j].at("status") != "done") continue;
      for (const std::string& key : kAveraged)
        if (runs[j].at(key).is_number()) moments[key].add(runs[j].at(key));
    }
    for (const std::string& key : kAveraged) row[key] = to_row(moments[key]);
    row["runs"] = of_arm;
    if (!rows.empty()) {
      const auto own = accuracies(study, runs, arm), first = accuracies(study, runs, rows.front().at("arm"));
      RunningMoments differences;
      for (const auto& [seed, accuracy] : own)
        if (first.contains(seed)) differences.add(accuracy - first.at(seed));
      const Estimate estimate = differences.estimate();
      if (differences.count() > 1)
        row["difference"] = {{"mean", estimate.mean}, {"standard_error", estimate.standard_error}};
    }
    rows.push_back(row);
  }
  return rows;
}

std::string study_table(const std::vector<json>& rows) {
  std::string text =
      "## Arms: mean ± standard deviation over the seeds\n\n"
      "| arm | method | runs | accuracy % | to the first arm, points ± s.e. | loss | training loss | volume % | "
      "steps | local batch | rounds | seconds |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const json& row : rows) {
    const json& accuracy = row.at("accuracy");
    const std::int64_t finished = accuracy.is_null() ? 0 : accuracy.at("n").get<std::int64_t>();
    const std::int64_t all = row.at("runs");
    text += "| " + row.at("arm").get<std::string>() + " | " + row.at("method").get<std::string>() + " | " +
            std::to_string(finished) + (finished == all ? "" : " of " + std::to_string(all)) + " | " +
            cell(row, "accuracy", 2, 100.0) + " | " + difference(row) + " | " + cell(row, "loss", 4) + " | " +
            cell(row, "train_loss", 4) + " | " + cell(row, "volume", 2, 100.0) + " | " + cell(row, "steps", 0) + " | " +
            cell(row, "local_batch", 1) + " | " + cell(row, "rounds", 0) + " | " + cell(row, "seconds", 1) + " |\n";
  }
  return text + "\n";
}

}  // namespace quasar
