#include "experiments/ensemble_options.h"

#include "experiments/other_keys.h"

namespace quasar {
namespace {

ToyNoise read_noise(const Config& config) {
  const std::string law =
      config.choice("noise.law", {"gaussian", "label_noise", "student_t", "minibatch"}, std::string("gaussian"));
  config.forget_replaced("noise.law", {"noise.degrees_of_freedom", "batch.local_size", "data.order"});
  if (law == "label_noise") return toy_noise::LabelNoise{};
  if (law == "student_t") {
    const auto nu = config.integer("noise.degrees_of_freedom", between(3, kMostDegreesOfFreedom));
    return toy_noise::StudentT{static_cast<int>(nu)};
  }
  if (law == "minibatch") {
    const auto batch = config.integer("batch.local_size", between(1, 1 << 20), 1);
    const std::string order = config.choice("data.order", {"replacement", "reshuffle"}, std::string("replacement"));
    return toy_noise::MiniBatch{static_cast<int>(batch), order == "replacement"};
  }
  return toy_noise::Gaussian{};
}

double read_share(const Config& config, const std::string& key, double fallback) {
  const double value = config.number(key, between(0.0, 1.0), fallback);
  if (value == 1.0) config.fail(key, "must be below 1");
  return value;
}

toy_optimizers::AtAverage read_at_average(const Config& config, const std::string& key) {
  using toy_optimizers::AtAverage;
  const std::string action = config.choice(key, {"keep", "average", "reset"}, std::string("keep"));
  return action == "keep" ? AtAverage::keep : action == "average" ? AtAverage::average : AtAverage::reset;
}

ToyOptimizer read_optimizer(const Config& config) {
  ToyOptimizer optimizer;
  const std::string name = config.choice("optimizer.name", {"sgd", "adam"}, std::string("sgd"));
  config.forget_replaced("optimizer.name", {"optimizer.momentum", "optimizer.nesterov", "optimizer.beta1",
                                            "optimizer.beta2", "optimizer.epsilon"});
  config.forget_replaced("optimizer.name", other_keys::kBuffersAtAverages);
  if (name == "adam") {
    const toy_optimizers::Adam defaults;
    optimizer.kind = toy_optimizers::Adam{.beta1 = read_share(config, "optimizer.beta1", defaults.beta1),
                                          .beta2 = read_share(config, "optimizer.beta2", defaults.beta2),
                                          .epsilon = config.number("optimizer.epsilon", positive(), defaults.epsilon)};
    optimizer.at_average[0] = read_at_average(config, "averaging.adam_m");
    optimizer.at_average[1] = read_at_average(config, "averaging.adam_v");
    return optimizer;
  }
  // Without momentum it has no key, so that the settings of such a run are those of theory and of older runs.
  if (!config.has("optimizer.momentum")) {
    if (config.has("optimizer.nesterov") && config.boolean("optimizer.nesterov"))
      config.fail("optimizer.nesterov", "needs optimizer.momentum > 0");
    return optimizer;
  }
  const toy_optimizers::Sgd sgd{.momentum = read_share(config, "optimizer.momentum", 0.0),
                                .nesterov = config.boolean("optimizer.nesterov", false)};
  if (sgd.nesterov && sgd.momentum == 0.0) config.fail("optimizer.nesterov", "needs optimizer.momentum > 0");
  optimizer.kind = sgd;
  optimizer.at_average[0] = read_at_average(config, "averaging.momentum");
  return optimizer;
}

}  // namespace

void read_noise_and_optimizer(const Config& config, EnsembleOptions& options) {
  options.noise = read_noise(config);
  options.optimizer = read_optimizer(config);
}

SlowRegime regime_of_ensemble(const Config& config, const TrainingSchedule& schedule, const EnsembleOptions& options) {
  return options.optimizer.rate_factor() == 1.0 ? SlowRegime::of(config, schedule, options.num_workers)
                                                : SlowRegime::of_momentum(config, schedule, options.num_workers);
}

void require_slow_sde(const Config& config) {
  if (config.has("noise.law") &&
      config.choice("noise.law", {"gaussian", "label_noise", "student_t", "minibatch"}) == "minibatch")
    config.fail("noise.law", "= minibatch has another covariance than the landscape's, which the Slow SDE takes");
  for (const std::string& key : other_keys::kBuffersAtAverages)
    if (config.has(key) && read_at_average(config, key) != toy_optimizers::AtAverage::keep)
      config.fail(key,
                  "is not what the Slow SDEs describe, whose workers keep their own buffers; take keep (or measure: "
                  "quasar toy)");
  config.ignore({"noise.degrees_of_freedom", "optimizer.nesterov", "optimizer.beta1"});
}

}  // namespace quasar
