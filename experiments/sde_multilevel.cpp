#include "experiments/sde_multilevel.h"

#include "core/errors.h"
#include "experiments/sde_start.h"

namespace quasar {
namespace {

using nlohmann::json;

json in_numbers(const MultilevelMean& found) {
  const RunningMoments& coarsest = found.levels.front().difference;
  return {{"mean", found.mean.mean},
          {"se", found.mean.standard_error},
          {"sd", coarsest.standard_deviation()},
          {"n", coarsest.count()},
          {"last_difference", {{"mean", found.bias.mean}, {"se", found.bias.standard_error}}},
          {"cost", found.cost},
          {"single_level_cost", found.single_level_cost}};
}

void record_levels(const std::string& observable, const MultilevelMean& found, Recorder& recorder) {
  for (std::size_t i = 0; i < found.levels.size(); ++i) {
    const MultilevelLevel& level = found.levels[i];
    const std::int64_t cost = level.steps + (i > 0 ? level.steps / 2 : 0);  // Euler steps a path or pair
    const Estimate mean = level.difference.estimate();
    recorder.record("levels", {{"observable", observable},
                               {"level", i},
                               {"steps", level.steps},
                               {"mean", mean.mean},
                               {"se", mean.standard_error},
                               {"variance", level.difference.variance()},
                               {"paths", level.difference.count()},
                               {"paths_that_left", level.paths_that_left},
                               {"cost_of_a_path", cost}});
  }
}

template <int Dim>
void integrate(const SlowProblem<Dim>& problem, const DriftWeights& weights, const SdeOptions& options,
               Recorder& recorder) {
  const auto& landscape = problem.landscape;
  const Vec<Dim> given = given_start(problem, options);
  const Vec<Dim> start = start_on_manifold(landscape, given, options.paths.gradient_flow);
  const RankMonitor<ErasedLandscape<Dim>> monitor(landscape, start);
  recorder.describe("integrator", options.describe());
  report_start(given, start, monitor.rank(), recorder);
  const auto slow = [&](const Vec<Dim>& zeta) {
    return path_coefficients(landscape, landscape, weights, options.paths.equation, zeta);
  };
  const auto watched_retraction = [&](const Vec<Dim>& base, const Vec<Dim>& x) {
    auto next = retract(landscape, options.paths, base, x);
    next.converged &= monitor.at(landscape, next.point) == PathEvent::none;
    return next;
  };
  json observables;
  std::int64_t left = 0, paths = 0;
  for (const auto& observable : problem.observables) {
    const auto found = multilevel_mean(slow, watched_retraction, start, *options.multilevel, observable.value);
    observables[observable.name] = in_numbers(found);
    record_levels(observable.name, found, recorder);
    for (const auto& level : found.levels) {
      left += level.paths_that_left;
      paths += level.paths_that_left + static_cast<std::int64_t>(level.difference.count());
    }
  }
  recorder.record("observables", {{"slow_time", options.multilevel->slow_time},
                                  {"step", options.steps},
                                  {"paths_that_left", left},
                                  {"observables", observables}});
  if (static_cast<double>(left) > options.max_bad_fraction * static_cast<double>(paths))
    throw Diverged(std::to_string(left) + " of " + std::to_string(paths) +
                   " paths were given up, more than sde.max_bad_fraction allows");
}

}  // namespace

void integrate_multilevel(const AnySlowProblem& problem, const DriftWeights& weights, const SdeOptions& options,
                          Recorder& recorder) {
  std::visit([&](const auto& erased) { integrate(erased, weights, options, recorder); }, problem);
}

}  // namespace quasar
