// quasar toy: Local SGD on a landscape, many replicas at once, recorded on a grid of slow time.

#include <algorithm>
#include <cmath>
#include <thread>

#include "core/progress.h"
#include "experiments/commands.h"
#include "experiments/ensemble_options.h"
#include "experiments/landscapes.h"
#include "experiments/other_keys.h"
#include "experiments/records.h"
#include "experiments/run_folder.h"
#include "experiments/slow_regime.h"
#include "toy_models/ensemble.h"
#include "toy_models/ensemble_cuda.h"

namespace quasar {
namespace {

EnsembleOptions read_ensemble(const Config& config, int num_workers, std::uint64_t seed) {
  EnsembleOptions options;
  options.num_workers = num_workers;
  options.seed = seed;
  options.replicas = config.integer("ensemble.replicas", between(1, 4294967295.0), 10000);
  options.threads = static_cast<int>(config.integer("ensemble.threads", between(1, 4096), options.threads));
  options.max_bad_fraction = config.number("ensemble.max_bad_fraction", between(0.0, 1.0), 0.0);
  const bool single = config.choice("ensemble.precision", {"float64", "float32"}, std::string("float64")) == "float32";
  options.precision = single ? Precision::float32 : Precision::float64;
  const bool cuda = config.choice("ensemble.device", {"cpu", "cuda"}, std::string("cpu")) == "cuda";
  options.device = cuda ? Device::cuda : Device::cpu;
  if (cuda) require_cuda();
  read_noise_and_optimizer(config, options);
  return options;
}

/// 0 and `points` equal parts of the run.
std::vector<double> record_times(double slow_time, std::int64_t points) {
  std::vector<double> times;
  for (std::int64_t i = 0; i < points; ++i)
    times.push_back(slow_time * static_cast<double>(i) / static_cast<double>(points));
  return times;
}

/// Bin i of a closed curve's coordinate as an observable: 1 inside, 0 outside, so that its mean is a probability.
template <class L>
Observable<L::dim> indicator(const typename LandscapeProblem<L>::ClosedCurve& closed, std::int64_t i,
                             std::int64_t bins) {
  return [&closed, i, bins](const Observed<L::dim>& seen) {
    const double turns = (closed.curve.coordinate(seen.projected) - closed.low) / closed.period;
    const double place = (turns - std::floor(turns)) * static_cast<double>(bins);
    return std::min(static_cast<std::int64_t>(place), bins - 1) == i ? 1.0 : 0.0;
  };
}

/// How many replicas are in each bin.
template <class L>
nlohmann::json histogram(const typename LandscapeProblem<L>::ClosedCurve& closed, const EnsembleRecord& record,
                         std::size_t first_bin) {
  nlohmann::json counts = nlohmann::json::array();
  for (std::size_t i = first_bin; i < record.observables.size(); ++i) {
    const RunningMoments& moments = record.observables[i];
    counts.push_back(std::llround(moments.mean() * static_cast<double>(moments.count())));
  }
  return {{"slow_time", record.slow_time},   {"step", record.step},
          {"coordinate", closed.coordinate}, {"low", closed.low},
          {"period", closed.period},         {"counts", counts}};
}

template <class L>
void simulate(const LandscapeProblem<L>& problem, const TrainingSchedule& schedule, const EnsembleOptions& options,
              const std::vector<double>& times, std::int64_t bins, Recorder& recorder) {
  std::vector<Observable<L::dim>> observables;
  for (const auto& observable : problem.observables)
    observables.push_back([&observable](const Observed<L::dim>& seen) { return observable.value(seen.projected); });
  const std::size_t distance = observables.size(), first_bin = distance + 1;
  observables.push_back([](const Observed<L::dim>& seen) { return (seen.average - seen.projected).norm(); });
  for (std::int64_t i = 0; i < bins; ++i) observables.push_back(indicator<L>(*problem.closed_curve, i, bins));
  const double worker_steps_a_step = static_cast<double>(options.replicas) * options.num_workers;
  Progress progress("toy", worker_steps_a_step * static_cast<double>(schedule.total_steps), "worker-steps");
  EnsembleCallbacks callbacks;
  callbacks.on_progress = [&](std::int64_t step) { progress.update(worker_steps_a_step * static_cast<double>(step)); };
  callbacks.on_record = [&](const EnsembleRecord& record) {
    nlohmann::json values;
    for (std::size_t i = 0; i < problem.observables.size(); ++i)
      values[problem.observables[i].name] = to_json(record.observables[i]);
    values["distance_to_manifold"] = to_json(record.observables[distance]);
    recorder.record("observables", {{"slow_time", record.slow_time},
                                    {"step", record.step},
                                    {"round", record.round},
                                    {"replicas_that_left", record.left_domain},
                                    {"observables", values}});
    if (bins > 0) recorder.record("histograms", histogram<L>(*problem.closed_curve, record, first_bin));
  };
  run_ensemble(problem.landscape, problem.start, schedule, options, observables, times, callbacks);
}

}  // namespace

FinishedRun run_toy(const Config& config, bool dry_run) {
  const RunOptions run = RunOptions::read(config, "toy");
  const NamedLandscape landscape = read_landscape(config);
  const auto workers = static_cast<int>(config.integer("workers.count", between(1, 65535), 4));
  const TrainingSchedule schedule = TrainingSchedule::read(config);
  const EnsembleOptions options = read_ensemble(config, workers, run.seed);
  const SlowRegime regime = regime_of_ensemble(config, schedule, options);
  const auto times = record_times(regime.slow_time, config.integer("record.points", at_least(1), 10));
  const auto bins = config.integer("record.histogram", between(0, 1000), 0);
  if (bins > 0) require_closed_curve(config, landscape, "record.histogram");
  config.ignore(other_keys::kSde);
  config.finish();
  return run_in_folder(config, run, describe_run(config, "toy", landscape.name, "measurement", regime), dry_run,
                       [&](Recorder& recorder) {
                         std::visit(
                             [&](const auto& problem) { simulate(problem, schedule, options, times, bins, recorder); },
                             landscape.problem);
                       });
}

void toy_command(const RunArguments& arguments) {
  const Config config = Config::from_file(arguments.file, arguments.overrides);
  print_run(run_toy(config, arguments.dry_run), arguments.dry_run);
}

}  // namespace quasar
