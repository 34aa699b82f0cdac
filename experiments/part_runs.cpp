#include "experiments/part_runs.h"

#include <chrono>
#include <cstdio>

#include "core/progress.h"
#include "experiments/convex.h"

namespace quasar {
namespace {

FinishedRun run_part(const PartRun& part, const Config& config, bool dry_run) {
  if (part.command == "sde") return run_sde(config, dry_run);
  if (part.command == "toy") return run_toy(config, dry_run);
  if (part.command == "convex") return run_convex(config, dry_run);
  return run_train(config, dry_run);
}

}  // namespace

Settings part_settings(const RunOptions& run, const std::string& name) {
  return Settings().set("run.name", name).set("run.results", run.results).set("run.seed", run.seed);
}

std::vector<Part> run_parts(const std::vector<PartRun>& parts, bool dry_run) {
  std::vector<Part> result;
  std::size_t number = 0;
  for (const PartRun& part : parts) {
    ++number;
    const std::string label = part.panel + " " + part.regime + ", " + (part.command == "sde" ? "theory" : part.command);
    if (part.panel == "network" && !has_networks()) {
      std::fprintf(stderr, "[%zu/%zu] %s: left out, this binary was built without LibTorch\n", number, parts.size(),
                   label.c_str());
      continue;
    }
    const Config config = Config::from_text(part.config, "part " + label);
    const auto start = std::chrono::steady_clock::now();
    const FinishedRun run = run_part(part, config, dry_run);
    if (dry_run) continue;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::fprintf(stderr, "[%zu/%zu] %s: %s (%s)\n", number, parts.size(), label.c_str(),
                 run.reused ? "there already" : format_duration(seconds).c_str(), run.folder.c_str());
    result.push_back(load_part(run.folder));
    result.back().panel = part.panel;
    result.back().regime = part.regime;
  }
  return result;
}

}  // namespace quasar
