#include "core/training_schedule.h"

#include <cmath>

#include "core/config.h"
#include "core/errors.h"

namespace quasar {
namespace {

constexpr double kMostSteps = 1e15;

/// training.epochs = E; the products are rounded up but for their own rounding errors.
std::int64_t read_epochs(const Config& config, std::optional<double> steps_per_epoch) {
  if (config.has("training.steps")) config.fail("training.epochs", "contradicts training.steps; give one of them");
  const double epochs = config.number("training.epochs", positive());
  if (!steps_per_epoch) config.fail("training.epochs", "needs a data set; give training.steps instead");
  const double steps = std::ceil(epochs * *steps_per_epoch - 1e-6);
  if (!(steps >= 1.0 && steps <= kMostSteps)) config.fail("training.epochs", "gives no usable number of steps");
  return static_cast<std::int64_t>(steps);
}

std::int64_t read_total_steps(const Config& config, std::optional<double> steps_per_epoch) {
  config.forget_replaced("training.slow_time", {"training.steps", "training.epochs"});
  config.forget_replaced("training.steps", {"training.slow_time", "training.epochs"});
  config.forget_replaced("training.epochs", {"training.slow_time", "training.steps"});
  if (config.has("training.epochs")) return read_epochs(config, steps_per_epoch);
  if (config.has("training.steps") && config.has("training.slow_time"))
    config.fail("training.slow_time", "contradicts training.steps; give one of them");
  if (!config.has("training.steps") && !config.has("training.slow_time"))
    config.fail_missing({"training.steps", "training.slow_time"});
  if (!config.has("training.slow_time")) return config.integer("training.steps", at_least(1));
  const double slow_time = config.number("training.slow_time", positive());
  const double learning_rate = config.number("learning_rate.peak", positive());
  const double steps = std::round(slow_time / (learning_rate * learning_rate));
  if (!(steps >= 1.0 && steps <= kMostSteps))
    config.fail("training.slow_time", "gives no usable number of steps t / learning_rate^2");
  return static_cast<std::int64_t>(steps);
}

}  // namespace

bool TrainingSchedule::has_one_period() const {
  const bool may_change =
      !learning_rate.is_constant() || sync.switch_step > 0 || std::holds_alternative<sync_rules::Phases>(sync.rule);
  const std::int64_t first = period_at(0);
  for (std::int64_t step = first; may_change && step < total_steps;) {
    const std::int64_t period = period_at(step);
    step += period;
    const bool may_be_cut = period < first && step == total_steps;
    if (period != first && !may_be_cut) return false;
  }
  return true;
}

std::vector<std::int64_t> TrainingSchedule::periods() const {
  std::vector<std::int64_t> result;
  constexpr std::size_t kMostRounds = 100'000'000;
  for (std::int64_t step = 0; step < total_steps; step += result.back()) {
    if (result.size() == kMostRounds)
      throw ConfigError("training.steps = " + std::to_string(total_steps) + " gives more than 100 million rounds");
    result.push_back(period_at(step));
  }
  return result;
}

TrainingSchedule TrainingSchedule::read(const Config& config, std::optional<double> steps_per_epoch) {
  TrainingSchedule schedule;
  schedule.total_steps = read_total_steps(config, steps_per_epoch);
  schedule.learning_rate = LearningRateSchedule::read(config, schedule.total_steps);
  if (config.has("training.slow_time") && !schedule.learning_rate.is_constant())
    config.fail("training.slow_time", "needs a constant learning rate without warm-up; give training.steps instead");
  schedule.sync = SynchronizationRule::read(config, schedule.total_steps, schedule.learning_rate.warmup_steps);
  return schedule;
}

}  // namespace quasar
