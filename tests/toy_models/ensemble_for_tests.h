#pragma once

#include <cmath>
#include <vector>

#include "core/training_schedule.h"
#include "toy_models/ensemble.h"

namespace quasar {

inline TrainingSchedule constant_schedule(double learning_rate, std::int64_t steps, std::int64_t period) {
  TrainingSchedule schedule;
  schedule.total_steps = steps;
  schedule.learning_rate.decay = lr_decay::Constant{};
  schedule.learning_rate.peak = learning_rate;
  schedule.learning_rate.total_steps = steps;
  schedule.sync.rule = sync_rules::Constant{period};
  schedule.sync.total_steps = steps;
  return schedule;
}

/// A replica's average at the end of training, for each replica in order.
template <class L>
std::vector<Vec<L::dim>> final_averages(const L& landscape, const Vec<L::dim>& start, const TrainingSchedule& schedule,
                                        EnsembleOptions options) {
  options.threads = 1;
  std::vector<Vec<L::dim>> result;
  const Observable<L::dim> keep = [&](const Observed<L::dim>& seen) {
    result.push_back(seen.average);
    return 0.0;
  };
  run_ensemble(landscape, start, schedule, options, {keep}, {});
  return result;
}

}  // namespace quasar
