#include "experiments/sde_paths.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/errors.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "experiments/records.h"
#include "experiments/sde_start.h"
#include "sde/path_ensemble.h"

namespace quasar {
namespace {

using nlohmann::json;

/// One run of `quasar sde` on a landscape.
template <int Dim>
class SdeRun {
 public:
  SdeRun(const SlowProblem<Dim>& problem, const DriftWeights& weights, const SdeOptions& options, Recorder& recorder)
      : problem_(problem),
        options_(options),
        recorder_(recorder),
        given_(given_start(problem, options)),
        ensemble_(problem.landscape, problem.landscape, weights, options.paths, given_) {
    recorder_.describe("integrator", options_.describe());
    report_start(given_, ensemble_.start(), ensemble_.rank(), recorder_);
  }

  /// Goes on from a saved state; false if it does not fit.
  bool resume(const SavedPaths& saved) {
    auto state = ensemble_.state();
    if (!unpack(saved.numbers, state)) return false;
    state.step = recorded_until_ = saved.step;
    ensemble_.restore(std::move(state));
    return true;
  }

  /// Integrates and records up to the last stop, and saves every so often, so that the death of the process costs no
  /// more than the time since; throws Saved if a signal comes before.
  void run(const Config& config) {
    const std::int64_t last = options_.stops.back().step;
    Progress progress("sde", static_cast<double>(last), "steps");
    std::int64_t previous = 0;
    for (const SdeStop& stop : options_.stops) {
      if (stop.step > recorded_until_) {
        while (ensemble_.state().step < stop.step) {
          if (const int signal = pending_signal(); signal != 0) save_and_stop(config, signal);
          if (options_.save_seconds > 0.0 && seconds_since(saved_at_) >= options_.save_seconds) save(config);
          ensemble_.advance(std::min(kPathStepsAtOnce / options_.paths.paths + 1, stop.step - ensemble_.state().step));
          progress.update(static_cast<double>(ensemble_.state().step));
        }
        record(stop, previous);
      }
      previous = stop.step;
    }
    if (ensemble_.paths_that_left() > 0)
      std::fprintf(stderr, "quasar: %s; they are in no average\n", bad_paths().c_str());
    std::error_code none;
    std::filesystem::remove(recorder_.folder() / SavedPaths::file_name, none);
  }

 private:
  static constexpr std::int64_t kPathStepsAtOnce = 4096;  // between two looks for a signal
  using Point = Vec<Dim>;

  using Clock = std::chrono::steady_clock;
  static double seconds_since(Clock::time_point then) {
    return std::chrono::duration<double>(Clock::now() - then).count();
  }

  void save(const Config& config) {
    const auto& state = ensemble_.state();
    SavedPaths{state.step, recorder_.offsets(), pack(state)}.write(recorder_, config);
    saved_at_ = Clock::now();
  }

  void save_and_stop(const Config& config, int signal) {
    save(config);
    throw Saved("saved at step " + std::to_string(ensemble_.state().step) + " (signal " + std::to_string(signal) +
                "); the same command goes on from there");
  }

  json event_counts() const {
    json counts;
    for (const auto& [kind, count] : ensemble_.events()) counts[name_of(kind)] = count;
    return counts;
  }

  std::string bad_paths() const {
    std::string kinds;
    for (const auto& [kind, count] : ensemble_.events())
      if (count > 0) kinds += (kinds.empty() ? "" : ", ") + std::string(name_of(kind)) + " " + std::to_string(count);
    return std::to_string(ensemble_.paths_that_left()) + " of " + std::to_string(options_.paths.paths) +
           " paths were given up (" + kinds + ")";
  }

  void record(const SdeStop& stop, std::int64_t previous) {
    record_events(previous, stop.step);
    recorder_.describe("events", event_counts());
    if (stop.observables) record_observables();
    if (stop.paths) record_paths();
    const double allowed = options_.max_bad_fraction * static_cast<double>(options_.paths.paths);
    const bool none_is_left = ensemble_.paths_that_left() == options_.paths.paths;
    if (none_is_left || static_cast<double>(ensemble_.paths_that_left()) > allowed)
      throw Diverged(bad_paths() + " by slow time " + std::to_string(ensemble_.slow_time()) +
                     (none_is_left ? ", so that none is left" : ", more than sde.max_bad_fraction allows"));
  }

  void record_observables() {
    json observables;
    for (const auto& observable : problem_.observables)
      observables[observable.name] = to_json(ensemble_.measure(observable.value), ensemble_.values(observable.value));
    recorder_.record("observables", {{"slow_time", ensemble_.slow_time()},
                                     {"step", ensemble_.state().step},
                                     {"paths_that_left", ensemble_.paths_that_left()},
                                     {"events", event_counts()},
                                     {"observables", observables}});
  }

  void record_paths() {
    json positions = json::array();  // null where a path has been given up
    for (std::size_t path = 0; path < static_cast<std::size_t>(options_.recorded_paths); ++path)
      positions.push_back(ensemble_.state().events[path] == PathEvent::none ? as_json(ensemble_.state().positions[path])
                                                                            : json());
    recorder_.record(
        "paths", {{"slow_time", ensemble_.slow_time()}, {"step", ensemble_.state().step}, {"positions", positions}});
  }

  /// The paths given up in steps [from, until), in order of step and path.
  void record_events(std::int64_t from, std::int64_t until) {
    const auto& state = ensemble_.state();
    std::vector<std::pair<std::int64_t, std::size_t>> found;
    for (std::size_t path = 0; path < state.events.size(); ++path)
      if (state.events[path] != PathEvent::none && state.event_steps[path] >= from && state.event_steps[path] < until)
        found.emplace_back(state.event_steps[path], path);
    std::sort(found.begin(), found.end());
    for (const auto& [step, path] : found)
      recorder_.record("events", {{"slow_time", static_cast<double>(step) * options_.paths.time_step},
                                  {"step", step},
                                  {"path", path},
                                  {"kind", name_of(state.events[path])},
                                  {"last_point", as_json(state.positions[path])}});
  }

  const SlowProblem<Dim>& problem_;
  const SdeOptions& options_;
  Recorder& recorder_;
  Point given_;
  PathEnsemble<ErasedLandscape<Dim>, ErasedLandscape<Dim>> ensemble_;
  Clock::time_point saved_at_ = Clock::now();
  std::int64_t recorded_until_ = -1;  // the step up to which every stop has been recorded
};

}  // namespace

void integrate_paths(const AnySlowProblem& problem, const DriftWeights& weights, const SdeOptions& options,
                     const Config& config, const std::optional<SavedPaths>& saved, Recorder& recorder) {
  std::visit(
      [&](const auto& erased) {
        SdeRun sde(erased, weights, options, recorder);
        if (saved && !sde.resume(*saved))
          throw CheckpointError("'" + (recorder.folder() / SavedPaths::file_name).string() +
                                "' does not hold these paths; remove the file to start the run anew");
        sde.run(config);
      },
      problem);
}

}  // namespace quasar
