// quasar toy: Local SGD on a landscape, many replicas at once, recorded on a grid of slow time.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include "core/errors.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/run_lock.h"
#include "experiments/all_regimes.h"
#include "experiments/commands.h"
#include "experiments/landscapes.h"
#include "experiments/records.h"
#include "experiments/saved_paths.h"
#include "experiments/sweep.h"
#include "experiments/toy_observables.h"
#include "experiments/toy_run.h"
#include "sde/gradient_flow.h"
#include "toy_models/dynamic_landscape.h"

namespace quasar {
namespace {

using nlohmann::json;

constexpr const char* kStateFile = "replicas.state";

/// The place on a closed curve in turns, below 1.
template <int Dim>
Observable<Dim> turns(const ClosedManifold<Dim>& closed) {
  return [&closed](const Observed<Dim>& seen) {
    const double place = (closed.curve.coordinate(seen.projected) - closed.low) / closed.period;
    return std::min(place - std::floor(place), std::nextafter(1.0, 0.0));
  };
}

/// Phi by the gradient flow of the formula that the steps take, to some 1e-8 of the point.
template <DynamicLandscape L>
Vec<L::dim> flow_to_manifold(const L& landscape, const Vec<L::dim>& x) {
  const auto gradient = [&](const Vec<L::dim>& y) { return gradient_of_steps(landscape, y); };
  const auto end = project_by_gradient_flow<L::dim>(gradient, x, {.gradient_tolerance = 1e-8, .step_tolerance = 1e-10});
  if (!end.converged)
    throw NumericalError("the gradient flow from a replica's average found no minimiser in " +
                         std::to_string(end.steps) + " steps; try a smaller learning rate or shorter rounds");
  return end.point;
}

bool needs_projection(const ToyNames& names) {
  const auto of_histogram = [](const auto& histogram) { return looks_at_projection(histogram.observable); };
  return std::any_of(names.observables.begin(), names.observables.end(), looks_at_projection) ||
         std::any_of(names.histograms.begin(), names.histograms.end(), of_histogram) || names.closed_curve;
}

template <int Dim>
EnsembleRecording<Dim> recording_of(const std::vector<ToyObservable<Dim>>& known,
                                    const std::optional<ClosedManifold<Dim>>& closed_curve, const ToyRun& run) {
  const auto value_of = [&](const std::string& name) {
    return std::find_if(known.begin(), known.end(), [&](const auto& observable) { return observable.name == name; })
        ->value;
  };
  EnsembleRecording<Dim> recording;
  recording.times = run.times;
  recording.quantiles = true;
  recording.projects = needs_projection(run.names);
  recording.paths = run.paths;
  for (const auto& name : run.names.observables) {
    recording.observables.push_back(value_of(name));
    recording.worker_dispersion |= name == kWorkerDispersion;
  }
  for (std::size_t h = 0; h < run.names.histograms.size(); ++h) {
    const auto& [name, low, high] = run.names.histograms[h];
    recording.histograms.push_back({value_of(name), low, high, run.histogram_bins[h]});
    recording.worker_dispersion |= name == kWorkerDispersion;
  }
  if (run.names.closed_curve) recording.histograms.push_back({turns(*closed_curve), 0.0, 1.0, run.closed_curve_bins});
  return recording;
}

/// Saves the ensemble between two batches of rounds, if a signal has come or if it is time to.
class Saver {
 public:
  Saver(double seconds, Recorder& recorder, const Config& config)
      : seconds_(seconds), recorder_(recorder), config_(config) {}

  void operator()(const std::function<EnsembleState()>& state) {
    const int signal = pending_signal();
    const std::chrono::duration<double> since = Clock::now() - last_;
    if (signal == 0 && (seconds_ == 0.0 || since.count() < seconds_)) return;
    EnsembleState now = state();
    SavedPaths{now.step,
               recorder_.offsets(),
               std::move(now.replicas),
               {{"round", now.round}, {"slow_time", now.slow_time}, {"records", now.records}}}
        .write(recorder_, config_, kStateFile);
    last_ = Clock::now();
    if (signal != 0)
      throw Saved("saved at step " + std::to_string(now.step) + " (signal " + std::to_string(signal) +
                  "); the same command goes on from there");
  }

 private:
  using Clock = std::chrono::steady_clock;
  double seconds_;
  Recorder& recorder_;
  const Config& config_;
  Clock::time_point last_ = Clock::now();
};

void simulate(const ToyRun& run, const Config& config, Recorder& recorder, std::optional<SavedPaths> saved) {
  const double replicas = static_cast<double>(run.ensemble.replicas) / run.ensemble.shards;
  const double worker_steps_a_step = replicas * run.ensemble.num_workers;
  Progress progress("toy", worker_steps_a_step * static_cast<double>(run.schedule.total_steps), "worker-steps");
  Saver saver(run.save_every, recorder, config);
  std::int64_t left = 0;
  EnsembleCallbacks callbacks;
  callbacks.on_progress = [&](std::int64_t step) { progress.update(worker_steps_a_step * static_cast<double>(step)); };
  callbacks.on_pause = [&](const auto& state) { saver(state); };
  callbacks.on_record = [&](const EnsembleRecord& record) {
    write_record(recorder, run.names, record);
    left = record.left_domain;
    if (run.ensemble.shards > 1) recorder.record(kShardSeries, to_json(record));
  };
  EnsembleState state;
  if (saved) {
    const json& more = saved->more;
    state = {saved->step, more.at("round"), more.at("slow_time"), more.at("records"), std::move(saved->numbers)};
    progress.start_at(worker_steps_a_step * static_cast<double>(saved->step));
  }
  std::visit(
      [&]<class L>(const LandscapeProblem<L>& problem) {
        auto recording = recording_of(observables_of(problem), problem.closed_curve, run);
        if constexpr (DynamicLandscape<L>)
          recording.project = [&](const Vec<L::dim>& x) { return flow_to_manifold(problem.landscape, x); };
        record_ensemble(problem.landscape, problem.start, run.schedule, run.ensemble, recording, callbacks,
                        saved ? &state : nullptr);
      },
      run.landscape->problem);
  if (left > 0)
    std::fprintf(
        stderr,
        "quasar: %lld of %lld replicas were not finite, beyond 1e6 or without a projection; they are in no average\n",
        static_cast<long long>(left), static_cast<long long>(run.ensemble.replicas));
  std::error_code none;
  std::filesystem::remove(recorder.folder() / kStateFile, none);
}

}  // namespace

FinishedRun run_toy(const Config& config, bool dry_run) {
  const ToyRun run = ToyRun::read(config);
  config.finish();
  run.require_kernels();
  std::optional<RunLock> lock;
  if (!dry_run && !is_reusable_run(run.run.folder(config))) lock.emplace(run.run.folder(config));
  const auto saved = dry_run ? std::nullopt : SavedPaths::read(run.run.folder(config), config, kStateFile);
  return run_in_folder(
      config, run.run, run.describe(config), dry_run,
      [&](Recorder& recorder) { simulate(run, config, recorder, saved); }, saved ? &saved->records : nullptr);
}

void toy_command(const RunArguments& arguments, bool all_regimes) {
  catch_usr1();
  const Config config = Config::from_file(arguments.file, arguments.overrides);
  if (all_regimes && is_sweep(config)) throw ConfigError("sweep.* contradicts --all-regimes; leave one of them out");
  if (all_regimes) return run_all_regimes(arguments, run_toy);
  if (is_sweep(config)) return run_sweep(arguments);
  print_run(run_toy(config, arguments.dry_run), arguments.dry_run);
}

}  // namespace quasar
