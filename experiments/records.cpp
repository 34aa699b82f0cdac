#include "experiments/records.h"

#include <cstdio>

#include "core/recorder.h"
#include "experiments/other_keys.h"

namespace quasar {

using nlohmann::json;

namespace {

std::vector<std::string> system_keys() {
  std::vector<std::string> keys = other_keys::kNetwork;
  keys.emplace_back("landscape");
  keys.emplace_back("sde.start");  // theory from a start of its own belongs to no measurement
  for (const char* key : {"optimizer.beta1", "data.order"})
    keys.emplace_back(key);  // Adam and mini-batches have others
  return keys;
}

std::vector<std::string> experiment_keys() {
  std::vector<std::string> keys = system_keys();
  for (const char* section : {"training", "learning_rate", "sync"}) keys.emplace_back(section);
  return keys;
}

/// " (sd 0.6; 5 to 95 %: -0.9 to 0.8)" where quantiles were recorded.
std::string spread_in_words(const json& estimate) {
  for (const char* key : {"sd", "q05", "q95"})
    if (!estimate.contains(key) || estimate.at(key).is_null()) return "";
  char text[120];
  std::snprintf(text, sizeof(text), "  (sd %.3g; 5 to 95 %%: %.3g to %.3g)", estimate.at("sd").get<double>(),
                estimate.at("q05").get<double>(), estimate.at("q95").get<double>());
  return text;
}

}  // namespace

json to_json(const RunningMoments& moments) {
  if (moments.count() == 0) return {{"mean", nullptr}, {"se", nullptr}, {"sd", nullptr}, {"n", 0}};
  return {{"mean", moments.mean()},
          {"se", moments.estimate().standard_error},
          {"sd", moments.standard_deviation()},
          {"n", moments.count()}};
}

json to_json(const RunningMoments& moments, const std::vector<double>& values) {
  json result = to_json(moments);
  RunningMoments spread;
  for (const double value : values) spread.add(value);
  result["sd"] = spread.standard_deviation();
  const auto found = quantiles(values, {0.05, 0.25, 0.5, 0.75, 0.95});
  const char* const names[] = {"q05", "q25", "q50", "q75", "q95"};
  for (std::size_t i = 0; i < found.size(); ++i) result[names[i]] = found[i];
  return result;
}

json exact(double value) { return {{"mean", value}, {"se", 0.0}, {"sd", 0.0}, {"n", 1}}; }

json describe_run(const Config& config, const std::string& command, const std::string& system, const std::string& kind,
                  const SlowRegime& regime, const std::string& weights) {
  json about = {{"command", command},
                {"system", system},
                {"kind", kind},
                {"regime", regime.name},
                {"num_workers", regime.num_workers},
                {"learning_rate", regime.learning_rate},
                {"sync_period", regime.sync_period},
                {"system_id", config.hash_of(system_keys())},
                {"experiment_id", config.hash_of(experiment_keys())},
                {"units", {{"slow_time", "steps * learning_rate^2"}, {"seconds", "s"}}}};
  if (!weights.empty()) about["weights"] = weights;
  if (regime.momentum > 0.0) {
    about["momentum"] = regime.momentum;
    // Only runs of the same momentum are theory and measurement of one another.
    for (const char* id : {"system_id", "experiment_id"})
      about[id] = about[id].get<std::string>() + "-" + std::to_string(regime.momentum);
    about["units"]["slow_time"] = "steps * (learning_rate / (1 - momentum))^2";
  }
  for (const std::string& buffer : other_keys::kBuffersAtAverages)
    if (config.has(buffer) && config.text(buffer) != "keep")  // the Slow SDEs are of buffers that workers keep
      about["experiment_id"] = about["experiment_id"].get<std::string>() + "-" + buffer + "-" + config.text(buffer);
  if (config.has("optimizer.name") && config.text("optimizer.name") == "adam") {
    about["optimizer"] = "adam";
    about["experiment_id"] =
        about["experiment_id"].get<std::string>() + "-adam";  // neither theory nor measurement of SGD
  }
  return about;
}

void print_run(const FinishedRun& run, bool dry_run) {
  if (dry_run) return;
  const json about = read_run_json(run.folder);
  const auto records = read_series(run.folder, "observables");
  std::printf("%s %s, %s, K = %d, eta = %g, H = %lld%s\n", about.value("system", "").c_str(),
              about.value("regime", "").c_str(), about.value("kind", "").c_str(), about.value("num_workers", 1),
              about.value("learning_rate", 0.0), about.value("sync_period", 1ll),
              run.reused ? " (done before, from the same code and settings)" : "");
  if (!records.empty()) {
    std::printf("at slow time %g:\n", records.back().at("slow_time").get<double>());
    for (const auto& item : records.back().at("observables").items())
      if (!item.value().at("mean").is_null())
        std::printf("  %-22s %.6g ± %.2g%s\n", item.key().c_str(), item.value().at("mean").get<double>(),
                    item.value().value("se", 0.0), spread_in_words(item.value()).c_str());
  }
  std::printf("results: %s\n", run.folder.c_str());
}

}  // namespace quasar
