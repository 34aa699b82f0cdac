#include "experiments/training_comparison.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <set>

#include "core/errors.h"
#include "core/recorder.h"

namespace quasar {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// Settings that must be equal for accuracies to be compared.
const std::vector<std::string> kSameTask = {"data.name",    "data.classes",  "data.images",   "data.held_out",
                                            "network.name", "network.width", "network.depth", "training.epochs"};
/// Settings that must be equal, too, for the seconds of a step to be compared.
const std::vector<std::string> kSameStep = {"workers.count", "batch.local_size", "network.name", "network.width",
                                            "network.depth", "optimizer.name",   "data.name",    "workers.processes"};

std::string setting(const TrainedRun& run, const std::string& key) {
  const auto found = run.settings.find(key);
  return found == run.settings.end() ? "" : found->second;
}

/// The value at a path of nested objects, null where there is none.
json at_path(const json& value, const std::vector<std::string>& path) {
  const json* inner = &value;
  for (const auto& key : path) {
    if (!inner->is_object() || !inner->contains(key)) return nullptr;
    inner = &inner->at(key);
  }
  return *inner;
}

json first_known(const std::vector<json>& values) {
  const auto known = std::find_if(values.begin(), values.end(), [](const json& value) { return !value.is_null(); });
  return known == values.end() ? json() : *known;
}

double number_or_nan(const json& value) { return value.is_number() ? value.get<double>() : std::nan(""); }

std::string task_of(const TrainedRun& run) {
  const std::string data = setting(run, "data.name"), network = setting(run, "network.name");
  return data + (data.empty() || network.empty() ? "" : ", ") + network;
}

/// Steps of the whole training, null where the settings give epochs instead.
json total_steps(const TrainedRun& run) {
  const std::string steps = setting(run, "training.steps");
  return steps.empty() ? json() : json(std::atoll(steps.c_str()));
}

json training_row(const TrainedRun& run) {
  const json summary = run.info.value("summary", json::object());
  const auto either = [&](const char* of_summary, const json& record, const char* of_record) {
    return first_known({at_path(summary, {of_summary}), at_path(record, {of_record})});
  };
  return {{"row", "training"},
          {"method", run.method},
          {"status", run.info.value("status", "")},
          {"num_workers", at_path(run.info, {"num_workers"})},
          {"parallel", run.is_parallel()},
          {"task", task_of(run)},
          {"total_steps", total_steps(run)},
          {"steps", either("steps", run.last_step, "step")},
          {"rounds", either("rounds", run.last_average, "round")},
          {"samples", either("samples", run.last_evaluation, "samples")},
          {"averages", at_path(summary, {"averages"})},
          {"volume", either("volume", run.last_average, "volume")},
          {"bytes", either("averaged_bytes", run.last_average, "cumulative_bytes")},
          {"accuracy", either("test_accuracy", run.last_evaluation, "accuracy")},
          {"loss", either("test_loss", run.last_evaluation, "loss")},
          {"seconds",
           first_known({at_path(summary, {"time", "training_seconds"}),
                        at_path(run.last_evaluation, {"time", "training"}), at_path(run.last_step, {"time", "wall"})})},
          {"samples_per_second", at_path(summary, {"time", "samples_per_second"})},
          {"folder", run.folder.string()}};
}

/// A run's measured seconds: T of one all-reduce, and of a step with and without communication.
struct StepSeconds {
  double steps, averages, all_reduce, whole, without_communication;
};

StepSeconds step_seconds(const TrainedRun& run) {
  const json summary = run.info.value("summary", json::object());
  const double training = number_or_nan(at_path(summary, {"time", "training_seconds"}));
  const double collectives = number_or_nan(at_path(summary, {"time", "collective_seconds"}));
  const double steps = number_or_nan(at_path(summary, {"steps"}));
  const double averages = number_or_nan(at_path(summary, {"averages"}));
  return {steps, averages, collectives / averages, training / steps, (training - collectives) / steps};
}

/// The parallel run that takes the same steps but for their communication, if it is there; best one of the same seed.
const TrainedRun* parallel_twin(const std::vector<TrainedRun>& runs, const TrainedRun& local) {
  const TrainedRun* found = nullptr;
  for (const TrainedRun& run : runs) {
    const auto same = [&](const std::string& key) { return setting(run, key) == setting(local, key); };
    if (!run.is_parallel() || !std::all_of(kSameStep.begin(), kSameStep.end(), same)) continue;
    if (same("run.seed")) return &run;
    if (!found) found = &run;
  }
  return found;
}

/// Parallel SGD waits for the part of T that backward cannot hide, Local SGD for T/H: it can be faster only if
///   T (1 - 1/H) > the part of T that backward hides.
json overlap_row(const std::vector<TrainedRun>& runs, const TrainedRun& local) {
  const StepSeconds seconds = step_seconds(local);
  if (!(seconds.averages > 0.0 && std::isfinite(seconds.all_reduce))) return nullptr;
  const double period = seconds.steps / seconds.averages;
  const double saved = seconds.all_reduce * (1.0 - 1.0 / period);
  json row = {{"row", "overlap"},       {"method", local.method},
              {"mean_period", period},  {"all_reduce_seconds", seconds.all_reduce},
              {"saved_seconds", saved}, {"step_seconds", seconds.whole}};
  const TrainedRun* parallel = parallel_twin(runs, local);
  if (!parallel) return row;
  const double parallel_step = step_seconds(*parallel).whole;
  if (!std::isfinite(parallel_step)) return row;
  const double waits = std::clamp(parallel_step - seconds.without_communication, 0.0, seconds.all_reduce);
  row["parallel_step_seconds"] = parallel_step;
  row["step_seconds_without_communication"] = seconds.without_communication;
  row["hidden_seconds"] = seconds.all_reduce - waits;
  row["pays"] = saved > seconds.all_reduce - waits;
  return row;
}

}  // namespace

bool TrainedRun::is_parallel() const { return setting(*this, "sync.rule") == "parallel"; }

bool holds_training(const fs::path& folder) {
  if (read_run_json(folder).value("kind", "") == "training") return true;
  std::ifstream parts(folder / "parts.json");
  return parts && json::parse(parts, nullptr, false).value("kind", "") == "training";
}

std::vector<json> training_rows(const std::vector<TrainedRun>& runs) {
  std::vector<json> rows;
  for (const TrainedRun& run : runs) rows.push_back(training_row(run));
  for (const std::string& key : kSameTask) {
    std::set<std::string> values;
    for (const TrainedRun& run : runs) values.insert(setting(run, key));
    if (values.size() > 1) rows.push_back({{"row", "differs"}, {"key", key}, {"values", values}});
  }
  for (const TrainedRun& run : runs)
    if (json row = run.is_parallel() ? json() : overlap_row(runs, run); !row.is_null()) rows.push_back(std::move(row));
  return rows;
}

}  // namespace quasar
