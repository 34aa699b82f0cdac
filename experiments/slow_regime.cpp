#include "experiments/slow_regime.h"

namespace quasar {
namespace {

std::string rule_name(const Config& config, const TrainingSchedule& schedule) {
  if (schedule.period_at(0) == 1 && schedule.has_one_period()) return "sgd";
  return config.choice("sync.rule", {"constant", "inverse", "qsr", "power", "phases", "swap"}, std::string("constant"));
}

}  // namespace

DriftWeights SlowRegime::weights(const std::string& kind) const {
  if (kind == "psi_disc") return {drift_weights::FiniteStep{learning_rate, sync_period, momentum}, num_workers};
  if (sync_period == 1) return {drift_weights::Sgd{}, num_workers};
  if (kind == "limit" && name == "qsr") return {drift_weights::Quadratic{}, num_workers};
  return {drift_weights::LocalSgd{effective_rate() * static_cast<double>(sync_period)}, num_workers};
}

SlowRegime SlowRegime::of(const Config& config, const TrainingSchedule& schedule, int num_workers) {
  const LearningRateSchedule& rate = schedule.learning_rate;
  double slow_time = static_cast<double>(schedule.total_steps) * rate.peak * rate.peak;
  if (!rate.is_constant()) {
    constexpr std::int64_t kMostSteps = 1'000'000'000;  // some seconds
    if (schedule.total_steps > kMostSteps)
      config.fail("training.steps", "must be at most 1e9 where the learning rate changes");
    slow_time = 0.0;
    for (std::int64_t step = 0; step < schedule.total_steps; ++step) slow_time += rate.at(step) * rate.at(step);
  }
  return {rule_name(config, schedule), rate.peak, schedule.period_at(0), slow_time, num_workers};
}

SlowRegime SlowRegime::of_constant_rate(const Config& config, const TrainingSchedule& schedule, int num_workers) {
  if (!schedule.learning_rate.is_constant())
    config.fail("learning_rate.schedule", "the Slow SDE is integrated for a constant learning rate without warm-up");
  if (!schedule.has_one_period())
    config.fail(
        schedule.sync.switch_step > 0 ? "sync.switch_step" : "sync.rule",
        "changes H on the way; the Slow SDE is integrated for one H (integrate each part by itself, the later one "
        "from where the earlier ends, or measure: quasar toy, quasar train)");
  return of(config, schedule, num_workers);
}

SlowRegime SlowRegime::of_constant_rate_and_momentum(const Config& config, const TrainingSchedule& schedule,
                                                     int num_workers) {
  of_constant_rate(config, schedule, num_workers);
  return of_momentum(config, schedule, num_workers);
}

SlowRegime SlowRegime::of_momentum(const Config& config, const TrainingSchedule& schedule, int num_workers) {
  SlowRegime regime = of(config, schedule, num_workers);
  constexpr double kLargest = 0.999;
  regime.momentum = config.number("optimizer.momentum", between(0.0, kLargest), 0.0);
  refuse_slow_time_with_momentum(config, regime.momentum);
  const double factor = quasar::effective_rate(1.0, regime.momentum);
  regime.slow_time *= factor * factor;
  return regime;
}

void refuse_slow_time_with_momentum(const Config& config, double momentum) {
  if (momentum > 0.0 && config.has("training.slow_time"))
    config.fail("training.slow_time",
                "counts squares of the learning rate itself; with optimizer.momentum, whose slow time counts those of "
                "learning_rate/(1 - momentum), give training.steps");
}

}  // namespace quasar
