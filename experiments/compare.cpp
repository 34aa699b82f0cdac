// quasar compare: results folders in, one table and one figure out; a FILE first runs the parts that are missing.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "core/errors.h"
#include "core/recorder.h"
#include "experiments/commands.h"
#include "experiments/comparison.h"
#include "experiments/draw_figure.h"
#include "experiments/questions.h"
#include "experiments/run_folder.h"
#include "experiments/study.h"
#include "experiments/training_comparison.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json describe_parts(const std::vector<Part>& parts, const std::string& question, const fs::path& folder) {
  json list = json::array();
  for (const Part& part : parts)
    list.push_back({{"panel", part.panel},
                    {"regime", part.regime},
                    {"kind", part.kind},
                    {"weights", part.weights},
                    {"learning_rate", part.learning_rate},
                    {"folder", fs::relative(part.folder, folder).string()}});
  return {{"format", 1}, {"question", question}, {"parts", list}};
}

void write_comparison(Recorder& recorder, const Question& question, const std::vector<Part>& parts) {
  const auto rows = question.rows(parts);
  for (const auto& row : rows) recorder.record("table", row);
  if (rows.empty()) recorder.write_file("table.jsonl", "");  // a reader misses no file
  const std::string nothing = "No measurement of the same settings is among these runs; the figure has theory alone.\n";
  recorder.write_file("table.md", rows.empty() ? nothing : question.table(rows));
  recorder.write_file("parts.json", describe_parts(parts, question.name, recorder.folder()).dump(1) + "\n");
}

void write_training_comparison(Recorder& recorder, const std::vector<TrainedRun>& runs, const Study* study = nullptr) {
  json list = json::array();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    list.push_back({{"method", runs[i].method}, {"folder", fs::relative(runs[i].folder, recorder.folder()).string()}});
    if (study) list.back()["arm"] = study->runs[i].arm;
  }
  std::vector<json> rows;
  if (study) rows = study_rows(*study, runs);
  const std::string arms = rows.empty() ? "" : study_table(rows);
  const auto of_runs = training_rows(runs);
  rows.insert(rows.end(), of_runs.begin(), of_runs.end());
  for (const auto& row : rows) recorder.record("table", row);
  recorder.write_file("table.md", arms + training_table(of_runs));
  recorder.write_file("parts.json", json{{"format", 1}, {"kind", "training"}, {"parts", list}}.dump(1) + "\n");
}

/// The question that a folder of a comparison answers; runs, and comparisons of several folders, are put side by side.
const Question& question_of(const std::vector<std::string>& folders) {
  const fs::path parts = fs::path(folders.front()) / "parts.json";
  if (folders.size() > 1 || !fs::exists(parts)) return question_named("side_by_side");
  return question_named(json::parse(std::ifstream(parts)).value("question", "side_by_side"));
}

/// The run in a folder, or the runs of a comparison.
std::vector<Part> load_folder(const fs::path& folder) {
  if (!fs::exists(folder / "parts.json")) return {load_part(folder)};
  std::vector<Part> parts;
  const json list = json::parse(std::ifstream(folder / "parts.json"));
  for (const auto& entry : list.at("parts")) {
    parts.push_back(load_part(folder / entry.at("folder").get<std::string>()));
    parts.back().panel = entry.at("panel");
    parts.back().regime = entry.at("regime");
  }
  return parts;
}

std::string status_of(const json& run) {
  const json error = run.value("error", json());
  return " (status " + run.value("status", "unknown") + (error.is_string() ? ": " + error.get<std::string>() : "") +
         ")";
}

/// Results folders that can be compared, each kind with its own.
struct Comparable {
  std::vector<std::string> training, others;
  std::vector<Part> parts;  ///< of the others

  /// throws  std::exception where there is nothing to compare
  void add(const std::string& target, bool is_alone) {
    if (holds_training(target)) {
      for (const TrainedRun& run : load_trained_runs({target}))
        if (!is_alone && run.last_evaluation.is_null() && run.last_average.is_null() && run.last_step.is_null())
          throw DataError("it recorded nothing" + status_of(run.info));
      training.push_back(target);
      return;
    }
    // It has the whole's settings and the replicas of a part.
    if (fs::exists(fs::path(target) / "run.json") && read_run_json(target).contains("shard"))
      throw DataError(
          "a shard of an ensemble is not compared; join all shards of the run with quasar merge DIR... and compare the "
          "whole");
    const std::vector<Part> own = load_folder(target);
    const bool has_own_question = is_alone && fs::exists(fs::path(target) / "parts.json");
    for (const Part& part : own)
      if (!has_own_question && (part.records.empty() || !part.records.back().contains("observables")))
        throw DataError("it has no observables over slow time" + status_of(read_run_json(part.folder)));
    parts.insert(parts.end(), own.begin(), own.end());
    others.push_back(target);
  }
};

/// A folder of a run that failed, or that has nothing to compare, is left out, unless nothing else is there.
Comparable load_folders(const std::vector<std::string>& targets) {
  Comparable found;
  for (const auto& target : targets) try {
      found.add(target, targets.size() == 1);
    } catch (const std::exception& error) {
      if (targets.size() == 1) throw;
      std::fprintf(stderr, "quasar: '%s' is left out: %s\n", target.c_str(), error.what());
    }
  if (found.training.empty() && found.others.empty()) throw DataError("none of these folders has anything to compare");
  return found;
}

void report(const FinishedRun& run) {
  std::ifstream table(run.folder / "table.md");
  std::string line;
  std::printf("\n");
  while (std::getline(table, line)) std::printf("%s\n", line.c_str());
  std::printf("\n");
  draw_figure(run.folder);
  std::printf("table:  %s%s\n", (run.folder / "table.md").c_str(),
              run.reused ? " (done before, from the same code and settings)" : "");
}

/// A comparison is made again if one of its runs has gone on, or was made again, since.
void forget_if_older(const fs::path& comparison, const std::vector<std::string>& folders) {
  std::error_code none;
  const auto made = fs::last_write_time(comparison / "DONE", none);
  if (none) return;
  for (const auto& folder : folders)
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.is_regular_file() && entry.last_write_time() > made) fs::remove(comparison / "DONE", none);
}

/// Writes the comparison of results folders into a folder of its own, named after them, and reports it.
void compare_folders(const std::vector<std::string>& folders, bool dry_run, const std::function<void(Recorder&)>& write,
                     const std::string& name = "compare") {
  std::string all;
  for (const auto& folder : folders) all += fs::weakly_canonical(folder).string() + " ";
  // JSON's escapes are TOML's too, so that a name may hold quotes
  const std::string quoted = json(all).dump(-1, ' ', false, json::error_handler_t::replace);
  const Config config = Config::from_text("compare.folders = " + quoted + "\n", "command line");
  const RunOptions options = RunOptions::read(config, name);
  config.text("compare.folders");
  config.finish();
  if (!dry_run) forget_if_older(fs::path(options.results) / options.name / config.hash(), folders);
  const FinishedRun run = run_in_folder(config, options, {{"command", "compare"}}, dry_run, write);
  if (!dry_run) report(run);
}

void compare_study(const Study& study, bool dry_run) {
  if (dry_run) {
    for (const StudyRun& run : study.runs)
      std::printf("%s, seed %lld: would train into %s\n", run.arm.c_str(), static_cast<long long>(run.seed),
                  run.folder.c_str());
    return;
  }
  study.run();
  std::vector<std::string> folders;
  for (const StudyRun& run : study.runs) folders.push_back(run.folder);
  const auto runs = load_trained_runs(folders);
  compare_folders(
      folders, false, [&](Recorder& recorder) { write_training_comparison(recorder, runs, &study); },
      study.name + "_study");
}

}  // namespace

void compare_command(const RunArguments& arguments, const std::vector<std::string>& targets) {
  const bool is_file = fs::path(targets.front()).extension() == ".toml";
  if (is_file) {
    const std::vector<std::string> overrides(targets.begin() + 1, targets.end());
    const Config config = Config::from_file(targets.front(), overrides, arguments.choice);
    if (Study::is_one(config)) {
      compare_study(Study::read(targets.front(), overrides, arguments.choice), arguments.dry_run);
      return;
    }
    const Question& question = read_question(config);
    const RunOptions options = RunOptions::read(config, question.name);
    const auto parts = question.parts(config, options);
    config.finish();
    const FinishedRun run =
        run_in_folder(config, options, {{"command", "compare"}}, arguments.dry_run,
                      [&](Recorder& recorder) { write_comparison(recorder, question, run_parts(parts)); });
    if (arguments.dry_run) {
      run_parts(parts, true);
      return;
    }
    report(run);
    return;
  }
  for (const auto& target : targets)
    if (!fs::is_directory(target)) throw ConfigError("'" + target + "' is neither a .toml file nor a results folder");
  const Comparable found = load_folders(targets);
  const auto &training = found.training, &others = found.others;
  if (!training.empty() && !others.empty())
    std::printf(
        "training runs and runs of a Slow SDE or of a landscape have no axis in common: two comparisons follow\n");
  if (!others.empty())
    compare_folders(others, arguments.dry_run,
                    [&](Recorder& recorder) { write_comparison(recorder, question_of(others), found.parts); });
  if (!training.empty()) {
    const auto runs = load_trained_runs(training);
    compare_folders(training, arguments.dry_run,
                    [&](Recorder& recorder) { write_training_comparison(recorder, runs); });
  }
}

}  // namespace quasar
