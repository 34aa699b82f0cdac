// quasar compare: results folders in, one table and one figure out; a FILE first runs the parts that are missing.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/build_info.h"
#include "core/errors.h"
#include "core/recorder.h"
#include "core/subprocess.h"
#include "experiments/commands.h"
#include "experiments/comparison.h"
#include "experiments/run_folder.h"
#include "experiments/side_by_side.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json describe_parts(const std::vector<Part>& parts, const fs::path& folder) {
  json list = json::array();
  for (const Part& part : parts)
    list.push_back({{"panel", part.panel},
                    {"regime", part.regime},
                    {"kind", part.kind},
                    {"weights", part.weights},
                    {"learning_rate", part.learning_rate},
                    {"folder", fs::relative(part.folder, folder).string()}});
  return {{"format", 1}, {"parts", list}};
}

void write_comparison(Recorder& recorder, const std::vector<Part>& parts) {
  const auto rows = comparison_rows(parts);
  for (const auto& row : rows) recorder.record("table", row);
  recorder.write_file("table.md", comparison_table(rows));
  recorder.write_file("parts.json", describe_parts(parts, recorder.folder()).dump(1) + "\n");
}

/// Draws the figure from the finished folder; without Python the line to run is printed instead.
void draw_figure(const fs::path& folder) {
  const fs::path script = fs::path(build_info().source_dir) / "notebooks" / "draw.py";
  const std::string python = python_interpreter();
  const int status = run_subprocess({python, script.string(), folder.string()});
  if (status != 0)
    std::printf("the figure was not drawn; with matplotlib installed run\n  %s %s %s\n", python.c_str(), script.c_str(),
                folder.c_str());
}

std::vector<Part> load_folders(const std::vector<std::string>& folders) {
  std::vector<Part> parts;
  for (const auto& folder : folders) {
    if (!fs::exists(fs::path(folder) / "parts.json")) {
      parts.push_back(load_part(folder));
      continue;
    }
    const json list = json::parse(std::ifstream(fs::path(folder) / "parts.json"));
    for (const auto& entry : list.at("parts")) {
      Part part = load_part(fs::path(folder) / entry.at("folder").get<std::string>());
      part.panel = entry.at("panel");
      part.regime = entry.at("regime");
      parts.push_back(std::move(part));
    }
  }
  return parts;
}

void report(const FinishedRun& run) {
  std::ifstream table(run.folder / "table.md");
  std::string line;
  std::printf("\n");
  while (std::getline(table, line)) std::printf("%s\n", line.c_str());
  std::printf("\n");
  std::fflush(stdout);
  draw_figure(run.folder);
  std::printf("table:  %s%s\n", (run.folder / "table.md").c_str(),
              run.reused ? " (done before, from the same code and settings)" : "");
}

}  // namespace

void compare_command(const RunArguments& arguments, const std::vector<std::string>& targets) {
  const bool is_file = fs::path(targets.front()).extension() == ".toml";
  if (is_file) {
    const Config config = Config::from_file(targets.front(), {targets.begin() + 1, targets.end()});
    const SideBySideOptions options = SideBySideOptions::read(config);
    const FinishedRun run =
        run_in_folder(config, options.run, {{"command", "compare"}}, arguments.dry_run,
                      [&](Recorder& recorder) { write_comparison(recorder, run_parts(options.parts)); });
    if (arguments.dry_run) {
      run_parts(options.parts, true);
      return;
    }
    report(run);
    return;
  }
  for (const auto& target : targets)
    if (!fs::is_directory(target)) throw ConfigError("'" + target + "' is neither a .toml file nor a results folder");
  std::string text = "run.name = 'compare'\ncompare.folders = '";
  for (const auto& target : targets) text += fs::weakly_canonical(target).string() + " ";
  const Config config = Config::from_text(text + "'\n", "command line");
  const RunOptions options = RunOptions::read(config, "compare");
  config.text("compare.folders");
  config.finish();
  const auto parts = load_folders(targets);
  const FinishedRun run = run_in_folder(config, options, {{"command", "compare"}}, arguments.dry_run,
                                        [&](Recorder& recorder) { write_comparison(recorder, parts); });
  if (!arguments.dry_run) report(run);
}

}  // namespace quasar
