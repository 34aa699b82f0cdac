// quasar sde: a Slow SDE on the manifold of minimisers, recorded on a grid of slow time.

#include <cstdio>
#include <thread>

#include "core/errors.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "experiments/commands.h"
#include "experiments/landscapes.h"
#include "experiments/network_theory.h"
#include "experiments/other_keys.h"
#include "experiments/records.h"
#include "experiments/run_folder.h"
#include "experiments/slow_regime.h"
#include "sde/path_ensemble.h"

namespace quasar {
namespace {

struct SdeOptions {
  std::int64_t steps, paths, record_points;
  int threads;
  double max_bad_fraction;
  NoiseLaw noise_law;
  PathScheme scheme;
  PathRetraction retraction;

  static SdeOptions read(const Config& config) {
    SdeOptions options;
    options.record_points = config.integer("record.points", at_least(1), 10);
    options.steps = config.integer("sde.steps", at_least(1), 200);
    options.paths = config.integer("sde.paths", between(1, 4294967295.0), 1000);
    options.max_bad_fraction = config.number("sde.max_bad_fraction", between(0.0, 1.0), 0.0);
    const std::string scheme = config.choice("sde.scheme", {"euler", "platen"}, std::string("euler"));
    options.scheme = scheme == "platen" ? PathScheme::platen : PathScheme::euler;
    const std::string retraction =
        config.choice("sde.retraction", {"gradient_flow", "newton"}, std::string("gradient_flow"));
    options.retraction = retraction == "newton" ? PathRetraction::newton : PathRetraction::gradient_flow;
    const std::string noise =
        config.choice("sde.noise", {"gaussian", "two_point", "three_point"}, std::string("gaussian"));
    options.noise_law = noise == "two_point"     ? NoiseLaw::two_point
                        : noise == "three_point" ? NoiseLaw::three_point
                                                 : NoiseLaw::gaussian;
    if (options.scheme == PathScheme::platen && highest_weak_order(options.noise_law) < Platen::weak_order)
      config.fail("sde.noise", "leaves sde.scheme = platen at weak order 1; use three_point or gaussian");
    const auto cores = static_cast<std::int64_t>(std::max(1u, std::thread::hardware_concurrency()));
    options.threads = static_cast<int>(config.integer("sde.threads", between(1, 4096), cores));
    return options;
  }
};

template <class L>
void integrate(const LandscapeProblem<L>& problem, const SlowRegime& regime, const DriftWeights& weights,
               const SdeOptions& options, std::uint64_t seed, Recorder& recorder) {
  PathOptions path_options;
  path_options.time_step = regime.slow_time / static_cast<double>(options.steps);
  path_options.paths = options.paths;
  path_options.seed = seed;
  path_options.threads = options.threads;
  path_options.noise_law = options.noise_law;
  path_options.scheme = options.scheme;
  path_options.retraction = options.retraction;
  PathEnsemble<L, L> ensemble(problem.landscape, problem.landscape, weights, path_options, problem.start);
  const auto record = [&] {
    nlohmann::json observables;
    for (const auto& observable : problem.observables)
      observables[observable.name] = to_json(ensemble.measure(observable.value));
    recorder.record("observables", {{"slow_time", ensemble.slow_time()},
                                    {"step", ensemble.state().step},
                                    {"paths_that_left", ensemble.paths_that_left()},
                                    {"observables", observables}});
  };
  Progress progress("sde", static_cast<double>(options.steps), "steps");
  record();
  for (std::int64_t point = 1; point <= options.record_points; ++point) {
    const std::int64_t until = options.steps * point / options.record_points;
    while (ensemble.state().step < until) {
      throw_if_interrupted();
      ensemble.advance(1);
      progress.update(static_cast<double>(ensemble.state().step));
    }
    record();
    const double allowed = options.max_bad_fraction * static_cast<double>(options.paths);
    if (static_cast<double>(ensemble.paths_that_left()) > allowed)
      throw Diverged(std::to_string(ensemble.paths_that_left()) + " of " + std::to_string(options.paths) +
                     " paths left the domain of the projection by slow time " + std::to_string(ensemble.slow_time()));
  }
}

}  // namespace

FinishedRun run_sde(const Config& config, bool dry_run) {
  const bool network = config.choice("sde.system", {"landscape", "network"}, std::string("landscape")) == "network";
  if (network) return run_network_theory(config, dry_run);
  const RunOptions run = RunOptions::read(config, "sde");
  const NamedLandscape landscape = read_landscape(config);
  const auto workers = static_cast<int>(config.integer("workers.count", between(1, 65535), 4));
  const SlowRegime regime = SlowRegime::of_constant_rate(config, TrainingSchedule::read(config), workers);
  const std::string kind = config.choice("sde.weights", {"psi", "limit", "psi_disc"}, std::string("psi"));
  const SdeOptions options = SdeOptions::read(config);
  config.ignore(other_keys::kEnsemble);
  config.finish();
  return run_in_folder(
      config, run, describe_run(config, "sde", landscape.name, "theory", regime, kind), dry_run,
      [&](Recorder& recorder) {
        std::visit(
            [&](const auto& problem) { integrate(problem, regime, regime.weights(kind), options, run.seed, recorder); },
            landscape.problem);
      });
}

void sde_command(const RunArguments& arguments) {
  const Config config = Config::from_file(arguments.file, arguments.overrides);
  print_run(run_sde(config, arguments.dry_run), arguments.dry_run);
}

}  // namespace quasar
