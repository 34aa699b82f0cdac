// quasar train: a network trained by Local SGD with label noise on several workers, measured on its minimiser manifold.

#include <ATen/Parallel.h>
#include <torch/csrc/api/include/torch/version.h>

#include "core/progress.h"
#include "distributed/local_sgd/label_noise_trainer.h"
#include "experiments/commands.h"
#include "experiments/network_options.h"
#include "experiments/networks_available.h"
#include "experiments/other_keys.h"
#include "experiments/records.h"
#include "experiments/run_folder.h"
#include "experiments/task_training.h"
#include "sde/gradient_flow.h"

namespace quasar {
namespace {

/// Observables over the replicas.
struct Measured {
  std::map<std::string, RunningMoments> observables;

  void add(const std::string& name, double value) { observables[name].add(value); }
  nlohmann::json to_record() const {
    nlohmann::json record;
    for (const auto& [name, moments] : observables) record[name] = to_json(moments);
    return record;
  }
};

Measured measure(const NetworkExperiment& experiment, const NetworkManifold& model, const TrainingRecord& record) {
  Measured measured;
  const std::int64_t replicas = record.parameters.size(0);
  Eigen::VectorXd mean_residual = Eigen::VectorXd::Zero(model.residual(to_eigen(record.parameters[0])).size());
  for (std::int64_t replica = 0; replica < replicas; ++replica) {
    const Eigen::VectorXd average = to_eigen(record.parameters[replica]);
    mean_residual += model.residual(average) / static_cast<double>(replicas);
    const Interpolation projected = interpolate(model, average);
    if (projected.converged) {
      const SampleSpectrum spectrum = sample_spectrum(model.jacobian(projected.theta), model.num_samples());
      measured.add("trace_hessian", spectrum.trace());
      measured.add("lambda_max", spectrum.largest());
      measured.add("distance_to_manifold", (average - projected.theta).norm());
    }
    if (record.step > 0) measured.add("train_loss", model.loss(average));  // 0 at the start, which interpolates
    if (experiment.held_out.count > 0) measured.add("held_out_accuracy", model.accuracy(average, experiment.held_out));
    if (experiment.num_workers > 1 && record.step > 0)
      measured.add("dispersion", record.dispersion[static_cast<std::size_t>(replica)]);
  }
  if (record.step > 0 && replicas > 1) {
    // |mean r|^2 holds 1/R of the noise: the rest is common to all replicas
    const double n = static_cast<double>(replicas);
    const double of_mean = mean_residual.squaredNorm() / (2.0 * model.num_samples());
    measured.add("train_loss_of_mean_residual", (n * of_mean - measured.observables["train_loss"].mean()) / (n - 1.0));
  }
  if (experiment.num_workers > 1) measured.add("communication_volume", record.volume);
  measured.add("sync_period", static_cast<double>(record.period));
  return measured;
}

/// Gauss-Newton is not Phi away from the manifold: follows the gradient flow for a while, then projects, and compares.
nlohmann::json compare_projections(const NetworkExperiment& experiment, const NetworkManifold& model,
                                   const Eigen::VectorXd& average) {
  GradientFlowOptions flow;
  flow.longest_time = 50.0;
  flow.step_tolerance = 1e-7;
  flow.gradient_tolerance = 1e-6;
  const auto gradient = [&](const Eigen::VectorXd& theta) { return model.loss_gradient(theta); };
  const auto followed = project_by_gradient_flow<Eigen::Dynamic>(gradient, average, flow);
  const Interpolation by_flow = interpolate(model, followed.point), direct = interpolate(model, average);
  const auto trace = [&](const Eigen::VectorXd& theta) {
    return model.jacobian(theta).squaredNorm() / experiment.train_set.count;
  };
  return {{"trace_hessian_by_gauss_newton", trace(direct.theta)},
          {"trace_hessian_by_gradient_flow", trace(by_flow.theta)},
          {"relative_difference", trace(direct.theta) / trace(by_flow.theta) - 1.0},
          {"flow_time", flow.longest_time}};
}

void run(const NetworkExperiment& experiment, const LabelNoiseTrainerOptions& options, Recorder& recorder) {
  const NetworkManifold model = experiment.manifold();
  const Eigen::VectorXd start = experiment.start();
  Eigen::VectorXd last_average = start;
  const std::string label =
      "train, K = " + std::to_string(options.num_workers) + ", H = " + std::to_string(experiment.regime.sync_period);
  Progress progress(label, static_cast<double>(experiment.schedule.total_steps), "steps");
  const LabelNoiseTrainerResult result = train_with_label_noise(
      options, experiment.schedule, experiment.network, experiment.train_set, to_tensor(start),
      [&](const TrainingRecord& record) {
        last_average = to_eigen(record.parameters[0]);
        recorder.record("observables", {{"slow_time", record.slow_time},
                                        {"step", record.step},
                                        {"round", record.round},
                                        {"observables", measure(experiment, model, record).to_record()}});
        progress.update(static_cast<double>(record.step));
      });
  recorder.describe("summary",
                    {{"images", experiment.train_set.source},
                     {"parameters", start.size()},
                     {"parameter_hash", std::to_string(result.parameter_hash)},
                     {"averages", result.account.collectives},
                     {"averaged_bytes", result.account.bytes},
                     {"projection", compare_projections(experiment, model, last_average)},
                     {"time", {{"training_seconds", result.seconds}, {"collective_seconds", result.account.seconds}}}});
}

}  // namespace

bool has_networks() { return true; }
std::string networks_library() { return TORCH_VERSION; }

FinishedRun run_train(const Config& config, bool dry_run) {
  config.choice("network.name", {"tanh_mlp"}, std::string("tanh_mlp"));
  const RunOptions run_options = RunOptions::read(config, "train");
  const NetworkExperiment experiment = NetworkExperiment::read(config);
  LabelNoiseTrainerOptions options;
  options.num_workers = experiment.num_workers;
  options.local_batch_size = experiment.local_batch_size;
  options.label_noise = experiment.label_noise;
  options.seed = run_options.seed;
  options.replicas = static_cast<int>(config.integer("train.replicas", between(1, 4096), 4));
  options.double_precision =
      config.choice("network.precision", {"float64", "float32"}, std::string("float64")) == "float64";
  options.check_collectives = config.boolean("workers.check_collectives", true);
  options.records = static_cast<int>(experiment.record_points);
  config.ignore(other_keys::kSde);
  config.finish();
  return run_in_folder(config, run_options, describe_run(config, "train", "network", "measurement", experiment.regime),
                       dry_run, [&](Recorder& recorder) { run(experiment, options, recorder); });
}

int train_command(const RunArguments& arguments) {
  const Config config = Config::from_file(arguments.file, arguments.overrides, arguments.choice);
  if (trains_task(config)) return train_task(config, arguments);
  print_run(run_train(config, arguments.dry_run), arguments.dry_run);
  return 0;
}

}  // namespace quasar
