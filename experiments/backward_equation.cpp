// quasar sde without paths: the backward equation on a closed curve of minimisers, recorded on a grid of slow time.

#include "experiments/backward_equation.h"

#include "experiments/ensemble_options.h"
#include "experiments/other_keys.h"
#include "experiments/records.h"
#include "experiments/run_folder.h"
#include "experiments/sde_options.h"
#include "experiments/slow_dynamics.h"
#include "experiments/slow_regime.h"
#include "sde/one_dimensional.h"

namespace quasar {
namespace {

using nlohmann::json;

struct BackwardOptions {
  std::int64_t nodes, record_points, bins;

  static BackwardOptions read(const Config& config, const NamedSlowProblem& landscape) {
    require_closed_curve(config, landscape, "sde.solver");
    BackwardOptions options;
    options.record_points = config.integer("record.points", at_least(1), 10);
    options.bins = config.integer("record.histogram", between(0, 1000), 0);
    options.nodes = config.integer("sde.nodes", between(4, 1000), 96);
    if (options.nodes % 2 != 0) config.fail("sde.nodes", "must be even");
    return options;
  }
};

/// Expectations from the start at the points, each from the one before by the same semigroup.
void record_expectations(const SlowProblem<2>& problem, const SpectralGrid& grid, const CoordinateField& field,
                         double slow_time, std::int64_t points, Recorder& recorder) {
  Eigen::MatrixXd u(grid.nodes.size(), static_cast<Eigen::Index>(problem.observables.size()));
  for (std::size_t o = 0; o < problem.observables.size(); ++o)
    u.col(static_cast<Eigen::Index>(o)) =
        grid.values([&](double q) { return problem.observables[o].value(problem.closed_curve->curve.point(q)); });
  for (std::int64_t point = 0;; ++point) {
    json values;
    for (std::size_t o = 0; o < problem.observables.size(); ++o)
      values[problem.observables[o].name] = exact(u(0, static_cast<Eigen::Index>(o)));
    recorder.record("observables", {{"slow_time", slow_time * static_cast<double>(point) / static_cast<double>(points)},
                                    {"observables", values}});
    if (point == points) return;
    u = expectation(grid, field, u, slow_time / static_cast<double>(points));
  }
}

/// The stationary law: its probability in every bin, and its density along the curve for a figure.
void record_stationary_law(const SlowProblem<2>& problem, const SpectralGrid& grid, const CoordinateField& field,
                           std::int64_t bins, Recorder& recorder) {
  constexpr int kPartsOfABin = 16;  // the midpoint rule on a smooth density: below 1e-4 of a bin
  const auto& closed = *problem.closed_curve;
  const Eigen::VectorXd at_nodes = stationary_density(grid, field);
  const double part = closed.period / static_cast<double>(bins * kPartsOfABin);
  json probabilities = json::array(), coordinates = json::array(), density = json::array();
  for (std::int64_t bin = 0; bin < bins; ++bin) {
    double sum = 0.0;
    for (int i = 0; i < kPartsOfABin; ++i) {
      const double q = closed.low + (static_cast<double>(bin * kPartsOfABin + i) + 0.5) * part;
      const double p = grid.interpolation(q) * at_nodes;
      sum += p * part;
      if (i % 4 == 2) {
        coordinates.push_back(q);
        density.push_back(p);
      }
    }
    probabilities.push_back(sum);
  }
  recorder.record("histograms", {{"coordinate", closed.coordinate},
                                 {"low", closed.low},
                                 {"period", closed.period},
                                 {"relaxation_time", relaxation_time(grid, field)},
                                 {"probabilities", probabilities},
                                 {"coordinates", coordinates},
                                 {"density", density}});
}

}  // namespace

FinishedRun run_backward_equation(const Config& config, bool dry_run) {
  const RunOptions run = RunOptions::read(config, "sde");
  const NamedSlowProblem landscape = read_slow_problem(config);
  const auto workers = static_cast<int>(config.integer("workers.count", between(1, 65535), 4));
  const SlowRegime regime = SlowRegime::of_constant_rate(config, TrainingSchedule::read(config), workers);
  const std::string kind = config.choice("sde.weights", {"psi", "limit", "psi_disc"}, std::string("psi"));
  const BackwardOptions options = BackwardOptions::read(config, landscape);
  config.forget_replaced("sde.solver", {"sde.steps", "sde.paths", "sde.threads", "sde.max_bad_fraction", "sde.scheme",
                                        "sde.retraction", "sde.noise", "sde.equation", "sde.estimator", "sde.levels",
                                        "sde.standard_error", "sde.pilot", "checkpoint.seconds"});
  config.ignore(other_keys::kEnsemble);
  if (is_adam(config))
    config.fail("sde.solver", "= backward_equation is of SGD; optimizer.name = adam has sde.solver = paths only");
  require_slow_sde(config);
  config.finish();
  return run_in_folder(config, run, describe_run(config, "sde", landscape.name, "theory", regime, kind), dry_run,
                       [&](Recorder& recorder) {
                         const auto& problem = std::get<SlowProblem<2>>(landscape.problem);
                         const auto& closed = *problem.closed_curve;
                         const DriftWeights weights = regime.weights(kind);
                         const auto field =
                             coordinate_field(problem.landscape, problem.landscape, weights, closed.curve);
                         const auto grid = periodic_grid(closed.curve.coordinate(problem.start), closed.period,
                                                         static_cast<int>(options.nodes));
                         record_expectations(problem, grid, field, regime.slow_time, options.record_points, recorder);
                         if (options.bins > 0) record_stationary_law(problem, grid, field, options.bins, recorder);
                       });
}

}  // namespace quasar
