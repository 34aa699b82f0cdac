// Reads the results folders of training runs and names each one's method.

#include <algorithm>
#include <fstream>
#include <set>

#include "core/errors.h"
#include "core/recorder.h"
#include "experiments/training_comparison.h"

namespace quasar {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;
using Settings = std::map<std::string, std::string>;

/// Short names of settings in a label; the ones named first come first.
const std::vector<std::pair<std::string, std::string>> kShortNames = {{"workers.count", "K"},
                                                                      {"batch.local_size", "B_loc"},
                                                                      {"optimizer.name", "optimizer"},
                                                                      {"learning_rate.peak", "η"},
                                                                      {"run.seed", "seed"}};
constexpr std::size_t kMostSettingsInALabel = 3;

/// config.toml as `Config::resolved` writes it: one `dotted.key = value` a line.
Settings read_settings(const fs::path& file) {
  std::ifstream in(file);
  if (!in) throw DataError("'" + file.string() + "' is missing (an incomplete results folder?)");
  Settings settings;
  for (std::string line; std::getline(in, line);) {
    const auto equals = line.find(" = ");
    if (equals == std::string::npos) continue;
    std::string value = line.substr(equals + 3);
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'')) value = value.substr(1, value.size() - 2);
    settings[line.substr(0, equals)] = value;
  }
  return settings;
}

json last_record(const fs::path& folder, const std::string& series) {
  if (!fs::exists(folder / (series + ".jsonl"))) return nullptr;
  const auto records = read_series(folder, series);
  return records.empty() ? json() : records.back();
}

TrainedRun load_trained_run(const fs::path& folder) {
  return {folder,
          read_run_json(folder),
          read_settings(folder / "config.toml"),
          last_record(folder, "evaluations"),
          last_record(folder, "averages"),
          last_record(folder, "steps"),
          ""};
}

std::vector<fs::path> open_comparison(const fs::path& folder) {
  if (!fs::exists(folder / "parts.json")) return {folder};
  std::vector<fs::path> folders;
  const json parts = json::parse(std::ifstream(folder / "parts.json"));
  for (const auto& part : parts.at("parts")) folders.push_back(folder / part.at("folder").get<std::string>());
  return folders;
}

/// Settings in which the runs differ, those with a short name first; not where they ran or what they were called.
std::vector<std::string> differing_settings(const std::vector<TrainedRun*>& runs) {
  std::map<std::string, std::set<std::string>> values;
  for (const TrainedRun* run : runs)
    for (const auto& [key, value] : run->settings) values[key].insert(value);
  std::vector<std::string> named, others;
  for (const auto& [key, name] : kShortNames)
    if (values[key].size() > 1) named.push_back(key);
  for (const auto& [key, different] : values) {
    const bool is_place = key == "run.name" || key == "run.results" || key == "data.root";
    if (different.size() > 1 && !is_place && std::find(named.begin(), named.end(), key) == named.end())
      others.push_back(key);
  }
  named.insert(named.end(), others.begin(), others.end());
  if (named.size() > kMostSettingsInALabel) named.resize(kMostSettingsInALabel);
  return named;
}

std::string short_name(const std::string& key) {
  for (const auto& [long_name, name] : kShortNames)
    if (long_name == key) return name;
  return key;
}

void tell_apart(std::vector<TrainedRun>& runs) {
  std::map<std::string, std::vector<TrainedRun*>> groups;
  for (TrainedRun& run : runs) groups[run.method].push_back(&run);
  for (auto& [method, group] : groups) {
    if (group.size() == 1) continue;
    for (const std::string& key : differing_settings(group))
      for (TrainedRun* run : group) {
        const auto found = run->settings.find(key);
        run->method += ", " + short_name(key) + "=" + (found == run->settings.end() ? "unset" : found->second);
      }
    std::map<std::string, int> uses;
    for (const TrainedRun* run : group) ++uses[run->method];
    for (TrainedRun* run : group)
      if (uses.at(run->method) > 1) run->method += " (" + run->folder.filename().string() + ")";
  }
}

}  // namespace

std::string method_of(const Settings& settings) {
  const auto get = [&](const std::string& key, const std::string& fallback) {
    const auto found = settings.find(key);
    return found == settings.end() ? fallback : found->second;
  };
  const std::string rule = get("sync.rule", "constant"), outer = get("outer.name", "none");
  const std::string start = get("sync.switch_step", "0"), base = get("sync.base_period", "1");
  const bool has_prefix = outer != "none" || start != "0";
  std::string method = outer == "slowmo"   ? "SlowMo β=" + get("outer.beta", "?") + ", "
                       : outer == "diloco" ? "DiLoCo, "
                                           : "";
  if (start != "0") method += "post-local from step " + start + ", ";
  if (rule == "parallel") method += "parallel";
  if (rule == "constant") method += (has_prefix ? "H=" : "constant H=") + get("sync.period", "1");
  if (rule == "inverse") method += "H=β/η, β=" + get("sync.beta", "?");
  if (rule == "qsr") method += "QSR α=" + get("sync.alpha", "?");
  if (rule == "power") method += "H=(α/η)^" + get("sync.power", "?") + ", α=" + get("sync.alpha", "?");
  if (rule == "phases") method += "H by phase";
  if (rule == "swap") method += "SWAP";
  const bool has_base = rule == "inverse" || rule == "qsr" || rule == "power";
  if (has_base && base != "1") method += ", H≥" + base;
  if (settings.contains("norm_test.tolerance")) method += ", norm test ϑ=" + get("norm_test.tolerance", "?");
  return method;
}

std::vector<TrainedRun> load_trained_runs(const std::vector<std::string>& folders) {
  std::vector<TrainedRun> runs;
  std::set<fs::path> seen;
  for (const auto& folder : folders)
    for (const auto& run : open_comparison(folder))
      if (seen.insert(fs::weakly_canonical(run)).second) runs.push_back(load_trained_run(run));
  for (TrainedRun& run : runs) run.method = method_of(run.settings);
  tell_apart(runs);
  return runs;
}

}  // namespace quasar
