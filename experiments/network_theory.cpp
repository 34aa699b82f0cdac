#include "experiments/network_theory.h"

#include <ATen/Parallel.h>

#include "core/interrupt.h"
#include "core/progress.h"
#include "experiments/network_options.h"
#include "experiments/other_keys.h"
#include "experiments/records.h"
#include "experiments/run_folder.h"

namespace quasar {
namespace {

nlohmann::json observables_at(const NetworkExperiment& experiment, const NetworkManifold& model,
                              const Eigen::VectorXd& zeta) {
  const SampleSpectrum spectrum = sample_spectrum(model.jacobian(zeta), model.num_samples());
  const SlowRegime& regime = experiment.regime;
  nlohmann::json observables = {
      {"trace_hessian", exact(spectrum.trace())},
      {"lambda_max", exact(spectrum.largest())},
      {"train_loss", exact(predicted_train_loss(spectrum, experiment.noise(), regime.learning_rate))}};
  if (experiment.num_workers > 1)
    observables["dispersion"] = exact(predicted_dispersion(spectrum, experiment.noise(), regime.learning_rate,
                                                           regime.sync_period, experiment.num_workers));
  if (experiment.held_out.count > 0)
    observables["held_out_accuracy"] = exact(model.accuracy(zeta, experiment.held_out));
  return observables;
}

/// Integrates over [0, slow_time]; calls `at_point(i, zeta)` at i = 0..points equal parts of it.
Eigen::VectorXd integrate(const NetworkExperiment& experiment, const NetworkManifold& model, Eigen::VectorXd zeta,
                          const DriftWeights& weights, std::int64_t steps,
                          const std::function<void(std::int64_t, const Eigen::VectorXd&)>& at_point) {
  const double time_step = experiment.regime.slow_time / static_cast<double>(steps);
  std::int64_t point = 0;
  for (std::int64_t step = 0;; ++step) {
    while (point <= experiment.record_points && step == steps * point / experiment.record_points)
      at_point(point++, zeta);
    if (step == steps) return zeta;
    throw_if_interrupted();
    zeta = label_noise_step(model, zeta, experiment.noise(), weights, time_step);
  }
}

void run(const NetworkExperiment& experiment, const DriftWeights& weights, std::int64_t steps, Recorder& recorder) {
  at::set_num_threads(1);
  const NetworkManifold model = experiment.manifold();
  const Eigen::VectorXd start = experiment.start();
  Progress progress("slow SDE of the network", static_cast<double>(experiment.record_points), "records");
  const auto record = [&](std::int64_t point, const Eigen::VectorXd& zeta) {
    const std::int64_t step = steps * point / experiment.record_points;
    recorder.record("observables", {{"slow_time", experiment.regime.slow_time * static_cast<double>(step) /
                                                      static_cast<double>(steps)},
                                    {"step", step},
                                    {"observables", observables_at(experiment, model, zeta)}});
    progress.update(static_cast<double>(point));
  };
  const Eigen::VectorXd end = integrate(experiment, model, start, weights, steps, record);
  const Eigen::VectorXd coarse = integrate(experiment, model, start, weights, std::max<std::int64_t>(1, steps / 2),
                                           [](std::int64_t, const Eigen::VectorXd&) {});
  const auto trace = [&](const Eigen::VectorXd& zeta) {
    return model.jacobian(zeta).squaredNorm() / experiment.train_set.count;
  };
  recorder.describe("summary", {{"images", experiment.train_set.source},
                                {"parameters", end.size()},
                                {"trace_hessian_with_half_the_steps", trace(coarse)},
                                {"relative_change_when_steps_double", trace(coarse) / trace(end) - 1.0}});
}

}  // namespace

FinishedRun run_network_theory(const Config& config, bool dry_run) {
  config.choice("sde.system", {"landscape", "network"});
  const RunOptions options = RunOptions::read(config, "network-theory");
  const NetworkExperiment experiment = NetworkExperiment::read(config);
  SlowRegime::of_constant_rate(config, experiment.schedule, experiment.num_workers);
  const std::string kind = config.choice("sde.weights", {"psi", "limit", "psi_disc"}, std::string("psi"));
  const auto steps = config.integer("sde.steps", at_least(1), 200);
  config.ignore(other_keys::kTrain);
  config.finish();
  return run_in_folder(config, options, describe_run(config, "sde", "network", "theory", experiment.regime, kind),
                       dry_run,
                       [&](Recorder& recorder) { run(experiment, experiment.regime.weights(kind), steps, recorder); });
}

}  // namespace quasar
