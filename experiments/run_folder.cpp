#include "experiments/run_folder.h"

#include <cstdio>
#include <memory>

#include "core/errors.h"
#include "core/interrupt.h"

namespace quasar {

namespace fs = std::filesystem;

RunOptions RunOptions::read(const Config& config, const std::string& default_name) {
  RunOptions options;
  options.name = config.text("run.name", default_name);
  if (options.name.empty() || options.name.starts_with('.') || options.name.find('/') != std::string::npos)
    config.fail("run.name", "must be the name of a folder (no slash, no dot in front)");
  constexpr std::size_t kLongestName = 200;  // a file system's 255 bytes, less what is put behind it
  if (options.name.size() > kLongestName) config.fail("run.name", "must have at most 200 bytes");
  options.results = config.text("run.results", "results");
  options.seed = static_cast<std::uint64_t>(config.integer("run.seed", at_least(0), 1));
  return options;
}

fs::path RunOptions::folder(const Config& config) const { return fs::path(results) / name / (config.hash() + part); }

FinishedRun run_in_folder(const Config& config, const RunOptions& options, nlohmann::json about, bool dry_run,
                          const std::function<void(Recorder&)>& body, const Recorder::Offsets* resume_from) {
  const fs::path folder = options.folder(config);
  if (dry_run) {
    std::printf("would run %s into %s with\n\n%s", about.value("command", "").c_str(), folder.c_str(),
                config.resolved().c_str());
    return {folder, false};
  }
  if (is_reusable_run(folder)) return {folder, true};
  about["name"] = options.name;
  about["seed"] = options.seed;
  const auto opened = resume_from ? std::make_unique<Recorder>(folder, config, std::move(about), *resume_from)
                                  : std::make_unique<Recorder>(folder, config, std::move(about));
  Recorder& recorder = *opened;
  try {
    body(recorder);
  } catch (const Diverged& error) {
    recorder.finish("diverged", error.what());
    throw Diverged(std::string(error.what()) + "; what was measured until then is in " + folder.string());
  } catch (const Saved& error) {
    recorder.finish("interrupted", error.what());
    throw;
  } catch (const Interrupted& error) {
    recorder.finish("interrupted", "signal " + std::to_string(error.signal));
    throw;
  } catch (const std::exception& error) {
    recorder.finish("failed", error.what());
    throw;
  }
  recorder.finish("done");
  if (!recorder.dropped_lines().empty())
    throw LogsIncomplete("finished, but records were lost (run.json counts them under dropped_lines); the results in " +
                         folder.string() + " are incomplete. Make room and run it again");
  return {folder, false};
}

}  // namespace quasar
