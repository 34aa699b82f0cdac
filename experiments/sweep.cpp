#include "experiments/sweep.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "core/edit_distance.h"
#include "core/errors.h"
#include "core/recorder.h"
#include "experiments/toy_run.h"

namespace quasar {
namespace {

using nlohmann::json;

constexpr std::size_t kMostCombinations = 4000;
const std::string kPrefix = "sweep.";
const std::vector<std::pair<std::string, std::string>> kShortNames = {{"eta", "learning_rate.peak"},
                                                                      {"H", "sync.period"},
                                                                      {"K", "workers.count"},
                                                                      {"beta", "sync.beta"},
                                                                      {"alpha", "sync.alpha"}};

/// One swept setting.
struct Axis {
  std::string name;  ///< as the user has it
  std::string key;
  std::vector<std::string> values;  ///< as TOML
};

using Combination = std::vector<std::string>;  // a value of each axis

std::string short_names() {
  std::string text;
  for (const auto& [name, key] : kShortNames) text += (text.empty() ? "" : ", ") + name + " (" + key + ")";
  return text;
}

std::vector<Axis> read_axes(const Config& config) {
  std::vector<Axis> axes;
  for (const std::string& given : config.keys()) {
    if (!given.starts_with(kPrefix)) continue;
    const std::string name = given.substr(kPrefix.size());
    const auto found =
        std::find_if(kShortNames.begin(), kShortNames.end(), [&](const auto& item) { return item.first == name; });
    if (found == kShortNames.end() && name.find('.') == std::string::npos)
      config.fail(given, "is not known; sweep " + short_names() + ", or any key of this command by its whole name");
    axes.push_back({name, found == kShortNames.end() ? name : found->second, config.items(given)});
    for (std::size_t i = 0; i + 1 < axes.size(); ++i)
      if (axes[i].key == axes.back().key) config.fail(given, "is " + axes[i].key + ", which is swept twice");
    for (const char* fixed : {"run.seed", "run.name", "run.results", "ensemble.shard"})
      if (axes.back().key == fixed)
        config.fail(given, "cannot be swept: all combinations have the same seed, and each has a folder of its own");
  }
  if (config.has("ensemble.shard"))
    config.fail("ensemble.shard", "cannot be had with sweep.*; give each job its own combinations instead");
  return axes;
}

std::vector<Combination> combinations_of(const Config& config, const std::vector<Axis>& axes) {
  std::vector<Combination> result = {{}};
  for (const Axis& axis : axes) {
    if (result.size() * axis.values.size() > kMostCombinations)
      config.fail(kPrefix + axis.name, "makes more than " + std::to_string(kMostCombinations) +
                                           " combinations; give fewer values, or sweep in several runs");
    std::vector<Combination> longer;
    for (const Combination& combination : result)
      for (const std::string& value : axis.values) {
        longer.push_back(combination);
        longer.back().push_back(value);
      }
    result = std::move(longer);
  }
  return result;
}

/// The settings of one combination: the file and the overrides with the swept keys put in and without `sweep.*`.
Config config_of(const RunArguments& arguments, const std::vector<Axis>& axes, const Combination& combination) {
  std::vector<std::string> overrides;
  for (const std::string& given : arguments.overrides)
    if (!given.starts_with(kPrefix)) overrides.push_back(given);
  for (std::size_t a = 0; a < axes.size(); ++a) overrides.push_back(axes[a].key + "=" + combination[a]);
  Config config = Config::from_file(arguments.file, overrides);
  for (const Axis& axis : axes) config.ignore({kPrefix + axis.name});
  return config;
}

/// Throws ConfigError if the command does not read a swept key with these settings.
void require_keys_that_are_read(const Config& sweep, const Config& first, const std::vector<Axis>& axes) {
  ToyRun::read(first);
  std::vector<std::string> known;
  const std::string resolved = first.resolved();
  for (std::size_t at = 0; at < resolved.size(); at = resolved.find('\n', at) + 1)
    known.push_back(resolved.substr(at, resolved.find(" = ", at) - at));
  for (const Axis& axis : axes) {
    if (std::find(known.begin(), known.end(), axis.key) != known.end()) continue;
    std::string all;
    for (const auto& key : known) all += (all.empty() ? "" : ", ") + key;
    const std::string near = nearest(axis.key, known);
    sweep.fail(kPrefix + axis.name, "this command does not read " + axis.key + " with these settings" +
                                        (near.empty() ? "" : " (did you mean " + near + "?)") + "; it reads " + all);
  }
}

/// What one combination ended with, as a row of the table.
json row_of(const std::vector<Axis>& axes, const Combination& combination, const std::filesystem::path& folder) {
  json row;
  for (std::size_t a = 0; a < axes.size(); ++a) {
    const std::string& text = combination[a];
    const json value = json::parse(text, nullptr, false);
    const bool quotes = text.size() > 1 && text.front() == text.back() && (text[0] == '\'' || text[0] == '"');
    row[axes[a].name] = value.is_discarded() ? json(quotes ? text.substr(1, text.size() - 2) : text) : value;
  }
  row["folder"] = folder.string();
  row["status"] = read_run_json(folder).at("status");
  const auto records = read_series(folder, "observables");
  if (records.empty()) return row;
  for (const char* key : {"slow_time", "step", "replicas_that_left"}) row[key] = records.back().at(key);
  row["observables"] = records.back().at("observables");
  return row;
}

using Table = std::vector<std::vector<std::string>>;

std::string cell(const json& value, const char* format) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number()) return value.is_null() ? "nan" : value.dump();
  if (value.is_number_integer()) return value.dump();
  char text[40];
  std::snprintf(text, sizeof(text), format, value.get<double>());
  return text;
}

/// The rows with a head; numbers as `format` has them.
Table table_of(const std::vector<Axis>& axes, const std::vector<json>& rows, const char* format) {
  std::map<std::string, bool> observables;
  for (const json& row : rows) {
    const json found = row.value("observables", json::object());
    for (const auto& item : found.items()) observables[item.key()] = true;
  }
  Table table(1);
  for (const Axis& axis : axes) table[0].push_back(axis.name);
  for (const char* key : {"slow_time", "step"}) table[0].emplace_back(key);
  for (const auto& [name, none] : observables) {
    table[0].push_back(name);
    table[0].push_back(name + "_se");
  }
  for (const char* key : {"replicas_that_left", "status"}) table[0].emplace_back(key);
  for (const json& row : rows) {
    table.emplace_back();
    const auto add = [&](const json& value) { table.back().push_back(cell(value, format)); };
    for (const Axis& axis : axes) add(row.at(axis.name));
    for (const char* key : {"slow_time", "step"}) add(row.value(key, json()));
    for (const auto& [name, none] : observables) {
      const json estimate = row.value("observables", json::object()).value(name, json::object());
      add(estimate.value("mean", json()));
      add(estimate.value("se", json()));
    }
    for (const char* key : {"replicas_that_left", "status"}) add(row.value(key, json()));
  }
  return table;
}

std::string as_csv(const Table& table) {
  std::string text;
  for (const auto& row : table)
    for (std::size_t c = 0; c < row.size(); ++c) {
      const bool is_list = row[c].find(',') != std::string::npos;
      text += (is_list ? '"' + row[c] + '"' : row[c]) + (c + 1 < row.size() ? "," : "\n");
    }
  return text;
}

void print_aligned(const Table& table) {
  std::vector<int> widths(table[0].size());
  for (const auto& row : table)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], static_cast<int>(row[c].size()));
  for (const auto& row : table) {
    for (std::size_t c = 0; c < row.size(); ++c) std::printf("%s%*s", c > 0 ? "  " : "", widths[c], row[c].c_str());
    std::printf("\n");
  }
}

std::string in_words(const std::vector<Axis>& axes, const Combination& combination) {
  std::string text;
  for (std::size_t a = 0; a < axes.size(); ++a) text += (a > 0 ? ", " : "") + axes[a].name + " = " + combination[a];
  return text;
}

}  // namespace

bool is_sweep(const Config& config) {
  const auto keys = config.keys();
  return std::any_of(keys.begin(), keys.end(), [](const auto& key) { return key.starts_with(kPrefix); });
}

void run_sweep(const RunArguments& arguments) {
  const Config sweep = Config::from_file(arguments.file, arguments.overrides);
  const auto axes = read_axes(sweep);
  const auto combinations = combinations_of(sweep, axes);
  require_keys_that_are_read(sweep, config_of(arguments, axes, combinations.front()), axes);
  for (const auto& combination : combinations) {  // all that can be wrong is found before anything runs
    const Config config = config_of(arguments, axes, combination);
    const ToyRun run = ToyRun::read(config);
    config.finish();
    run.require_kernels();
  }
  RunOptions folder = RunOptions::read(sweep, "toy");
  for (const std::string& key : sweep.keys()) sweep.substitute(key, sweep.as_toml(key));
  folder.part = "-sweep";
  std::string diverged;
  const json about = {{"command", "toy"}, {"kind", "sweep"}, {"combinations", combinations.size()}};
  const FinishedRun finished = run_in_folder(sweep, folder, about, arguments.dry_run, [&](Recorder& recorder) {
    std::vector<json> rows;
    for (const auto& combination : combinations) {
      const Config config = config_of(arguments, axes, combination);
      const std::string words = in_words(axes, combination);
      std::fprintf(stderr, "[%zu/%zu] %s\n", rows.size() + 1, combinations.size(), words.c_str());
      try {
        rows.push_back(row_of(axes, combination, run_toy(config, false).folder));
      } catch (const Diverged&) {
        rows.push_back(row_of(axes, combination, ToyRun::read(config).run.folder(config)));
        diverged += (diverged.empty() ? "" : "; ") + words;
      }
      recorder.record("table", rows.back());
    }
    recorder.write_file("table.csv", as_csv(table_of(axes, rows, "%.17g")));
    if (!diverged.empty()) {
      print_aligned(table_of(axes, rows, "%.6g"));
      throw Diverged("diverged, and the others did not: " + diverged);
    }
  });
  if (arguments.dry_run) {
    for (const auto& combination : combinations) std::printf("%s\n", in_words(axes, combination).c_str());
    return;
  }
  print_aligned(table_of(axes, read_series(finished.folder, "table"), "%.6g"));
  std::printf("results: %s%s\n", finished.folder.c_str(), finished.reused ? " (done before)" : "");
}

}  // namespace quasar
