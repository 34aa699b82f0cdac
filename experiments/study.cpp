// quasar compare FILE with [arms.NAME] tables: every arm and seed as a run of `quasar train`.

#include "experiments/study.h"

#include <cstdio>

#include "core/errors.h"
#include "core/interrupt.h"
#include "core/subprocess.h"
#include "experiments/task_training.h"

namespace quasar {
namespace {

const std::string kProgram = "/proc/self/exe";
constexpr double kMostSeed = 9007199254740992.0;  // 2^53

StudyRun read_run(const std::string& file, const std::vector<std::string>& overrides, ConfigChoice choice,
                  const std::string& arm, std::int64_t seed) {
  StudyRun run{.arm = arm, .seed = seed, .command = {kProgram, "train", file}, .folder = {}};
  std::vector<std::string> settings = overrides;
  settings.push_back("run.seed=" + std::to_string(seed));
  run.command.insert(run.command.end(), settings.begin(), settings.end());
  choice.arm = arm;
  if (!choice.size.empty()) run.command.insert(run.command.end(), {"--size", choice.size});
  if (!arm.empty()) run.command.insert(run.command.end(), {"--arm", arm});
  run.folder = training_folder(Config::from_file(file, settings, choice));
  return run;
}

}  // namespace

bool Study::is_one(const Config& config) { return !config.arms().empty() || config.has("study.seeds"); }

Study Study::read(const std::string& file, const std::vector<std::string>& overrides, const ConfigChoice& choice) {
  const Config config = Config::from_file(file, overrides, choice);
  Study study;
  study.name = config.text("run.name", "study");
  const auto seeds = config.integers("study.seeds", between(0, kMostSeed), std::vector<std::int64_t>{1});
  if (seeds.empty()) config.fail("study.seeds", "must hold at least one seed");
  std::vector<std::string> arms = config.arms();
  if (arms.empty()) arms.emplace_back();
  // Seed by seed, so that a study that is stopped has every arm as far as it got.
  for (const std::int64_t seed : seeds)
    for (const std::string& arm : arms) {
      StudyRun run = read_run(file, overrides, choice, arm, seed);
      for (const StudyRun& other : study.runs)
        if (other.folder == run.folder)
          throw ConfigError(file + ": the arms " + other.arm + " and " + arm + " (seeds " + std::to_string(other.seed) +
                            " and " + std::to_string(seed) + ") are the same run; leave one of them out");
      study.runs.push_back(std::move(run));
    }
  return study;
}

void Study::run() const {
  for (std::size_t i = 0; i < runs.size(); ++i) {
    throw_if_interrupted();
    std::fprintf(stderr, "study: run %zu of %zu: %s, seed %lld\n", i + 1, runs.size(), runs[i].arm.c_str(),
                 static_cast<long long>(runs[i].seed));
    std::fflush(stdout);
    const int code = run_subprocess(runs[i].command);
    if (code == 0 || code == static_cast<int>(ExitCode::numbers) || code == static_cast<int>(ExitCode::logs_incomplete))
      continue;
    throw_if_interrupted();
    if (code == static_cast<int>(ExitCode::restart))
      throw Saved("a run of the study was saved before its end; the same command goes on from there");
    throw Error(static_cast<ExitCode>(code), "run " + std::to_string(i + 1) + " of the study, " + runs[i].arm +
                                                 ", failed (exit code " + std::to_string(code) +
                                                 "); what was finished is kept, and the same command goes on");
  }
}

}  // namespace quasar
