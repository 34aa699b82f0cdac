#include "experiments/slow_regime.h"

namespace quasar {
namespace {

std::string rule_name(const Config& config, const TrainingSchedule& schedule) {
  if (schedule.period_at(0) == 1) return "sgd";
  return config.choice("sync.rule", {"constant", "inverse", "qsr", "power", "phases", "swap"}, std::string("constant"));
}

}  // namespace

DriftWeights SlowRegime::weights(const std::string& kind) const {
  if (kind == "psi_disc") return {drift_weights::FiniteStep{learning_rate, sync_period}, num_workers};
  if (sync_period == 1) return {drift_weights::Sgd{}, num_workers};
  if (kind == "limit" && name == "qsr") return {drift_weights::Quadratic{}, num_workers};
  return {drift_weights::LocalSgd{learning_rate * static_cast<double>(sync_period)}, num_workers};
}

SlowRegime SlowRegime::of(const Config& config, const TrainingSchedule& schedule, int num_workers) {
  if (!schedule.learning_rate.is_constant())
    config.fail("learning_rate.schedule", "a Slow SDE in t = steps * eta^2 needs a constant learning rate");
  const double eta = schedule.learning_rate.peak;
  return {rule_name(config, schedule), eta, schedule.period_at(0),
          static_cast<double>(schedule.total_steps) * eta * eta, num_workers};
}

}  // namespace quasar
