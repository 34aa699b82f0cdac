#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/lr_schedule.h"
#include "core/sync_rule.h"

namespace quasar {

class Config;

/// The keystone: one object that drives `plan`, the Slow SDE, the toy ensemble and the trainer alike.
struct TrainingSchedule {
  std::int64_t total_steps = 0;
  LearningRateSchedule learning_rate;
  SynchronizationRule sync;

  /// H of the round that starts at this step.
  std::int64_t period_at(std::int64_t step) const { return sync.period({step, learning_rate.at(step)}); }

  /// H of every round from the first step to the last; their sum is total_steps.
  std::vector<std::int64_t> periods() const;

  /// Whether every round has the length of the first, but for the last, which the end of training may cut.
  bool has_one_period() const;

  /// Reads `training.steps` (or `training.slow_time` with a constant learning rate: round(t / eta^2) steps; or, where
  /// the steps of an epoch are known, `training.epochs`: that many epochs, rounded up), `learning_rate.*` and `sync.*`.
  static TrainingSchedule read(const Config& config, std::optional<double> steps_per_epoch = {});
};

}  // namespace quasar
