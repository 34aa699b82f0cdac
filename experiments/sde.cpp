// quasar sde: a Slow SDE on the manifold of minimisers, recorded on a grid of slow time.

#include <optional>

#include "core/interrupt.h"
#include "core/run_lock.h"
#include "experiments/all_regimes.h"
#include "experiments/backward_equation.h"
#include "experiments/commands.h"
#include "experiments/draw_figure.h"
#include "experiments/ensemble_options.h"
#include "experiments/network_theory.h"
#include "experiments/other_keys.h"
#include "experiments/records.h"
#include "experiments/run_folder.h"
#include "experiments/sde_multilevel.h"
#include "experiments/sde_paths.h"

namespace quasar {
namespace {

using nlohmann::json;

void check_start(const AnySlowProblem& problem, const SdeOptions& options, const Config& config) {
  const auto size = std::visit([](const auto& p) { return static_cast<std::size_t>(p.start.size()); }, problem);
  if (!options.start.empty() && options.start.size() != size)
    config.fail("sde.start", "must have the landscape's " + std::to_string(size) + " coordinates");
}

}  // namespace

FinishedRun run_sde(const Config& config, bool dry_run) {
  const bool network = config.choice("sde.system", {"landscape", "network"}, std::string("landscape")) == "network";
  if (network) return run_network_theory(config, dry_run);
  const bool paths = config.choice("sde.solver", {"paths", "backward_equation"}, std::string("paths")) == "paths";
  if (!paths) return run_backward_equation(config, dry_run);
  const RunOptions run = RunOptions::read(config, "sde");
  const NamedSlowProblem landscape = read_slow_problem(config);
  const auto workers = static_cast<int>(config.integer("workers.count", between(1, 65535), 4));
  const TrainingSchedule schedule = TrainingSchedule::read(config);
  const bool adam = is_adam(config);
  const SlowRegime regime = adam ? SlowRegime::of_constant_rate(config, schedule, workers)
                                 : SlowRegime::of_constant_rate_and_momentum(config, schedule, workers);
  const SdeOptions options = SdeOptions::read(config, regime, run.seed);
  check_start(landscape.problem, options, config);
  config.forget_replaced("sde.solver", {"sde.nodes"});
  config.ignore(other_keys::kEnsemble);
  config.ignore({"record.histogram"});
  require_slow_sde(config);
  config.finish();
  std::optional<RunLock> lock;
  if (!dry_run && !is_reusable_run(run.folder(config))) lock.emplace(run.folder(config));
  const auto saved = dry_run ? std::nullopt : SavedPaths::read(run.folder(config), config);
  const json about = describe_run(config, "sde", landscape.name, "theory", regime, options.weights);
  const DriftWeights weights = regime.weights(options.weights);
  return run_in_folder(
      config, run, about, dry_run,
      [&](Recorder& recorder) {
        if (options.multilevel)
          integrate_multilevel(landscape.problem, weights, options, recorder);
        else
          integrate_paths(landscape.problem, weights, options, config, saved, recorder);
      },
      saved ? &saved->records : nullptr);
}

void sde_command(const RunArguments& arguments, bool all_regimes) {
  catch_usr1();
  if (all_regimes) return run_all_regimes(arguments, run_sde);
  const Config config = Config::from_file(arguments.file, arguments.overrides);
  const FinishedRun run = run_sde(config, arguments.dry_run);
  print_run(run, arguments.dry_run);
  // A multilevel mean is one number.
  if (arguments.figure && !arguments.dry_run && !run.reused && read_series(run.folder, "observables").size() > 1)
    draw_figure(run.folder);
}

}  // namespace quasar
