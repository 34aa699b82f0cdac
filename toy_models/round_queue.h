#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/errors.h"
#include "core/training_schedule.h"
#include "toy_models/local_sgd_kernel.h"

namespace quasar {

/// Rounds that are advanced in one go.
template <class Real>
struct RoundBatch {
  std::int64_t first_step = 0;
  std::vector<std::int64_t> periods;
  std::vector<Real> learning_rates;

  RoundsView<Real> view() const {
    return {first_step, periods.data(), static_cast<std::int64_t>(periods.size()), learning_rates.data()};
  }
  RoundsView<Real> all_but_last() const {
    return {first_step, periods.data(), static_cast<std::int64_t>(periods.size()) - 1, learning_rates.data()};
  }
  RoundsView<Real> last() const {
    const auto before = static_cast<std::int64_t>(learning_rates.size()) - periods.back();
    return {first_step + before, &periods.back(), 1, learning_rates.data() + before};
  }
};

inline constexpr std::int64_t kLongestRound = 100'000'000;  // steps, whose learning rates take 0.8 GB

/// The rounds of a schedule, taken off the front a batch at a time; the only place that asks the synchronisation rule.
class RoundQueue {
 public:
  /// rate_factor  eta_eff/eta of an optimiser with momentum
  explicit RoundQueue(const TrainingSchedule& schedule, double rate_factor = 1.0)
      : schedule_(schedule), rate_factor_(rate_factor) {}

  std::int64_t step() const { return step_; }
  std::int64_t round() const { return round_; }
  double slow_time() const { return slow_time_; }
  bool empty() const { return step_ >= schedule_.total_steps; }
  /// Goes on from where another queue of the same schedule was.
  void restore(std::int64_t step, std::int64_t round, double slow_time) {
    step_ = step;
    round_ = round;
    slow_time_ = slow_time;
  }
  /// Whether slow time has come to this point, up to the rounding of a sum of many eta^2.
  bool has_reached(double slow_time) const { return slow_time_ >= slow_time * (1.0 - 1e-9); }

  /// At least one round; ends with the first that reaches the slow time or uses up the steps. Throws ConfigError for a
  /// round longer than kLongestRound.
  template <class Real>
  RoundBatch<Real> take(double until_slow_time, std::int64_t most_steps) {
    RoundBatch<Real> batch;
    batch.first_step = step_;
    do {
      const std::int64_t period = schedule_.period_at(step_);
      if (period > kLongestRound)
        throw ConfigError("toy ensemble: the round at step " + std::to_string(step_) + " has " +
                          std::to_string(period) + " steps; the learning rates of a round are kept, of at most " +
                          std::to_string(kLongestRound) + " steps");
      batch.periods.push_back(period);
      for (const std::int64_t end = step_ + period; step_ < end; ++step_) {
        const double learning_rate = schedule_.learning_rate.at(step_);
        batch.learning_rates.push_back(static_cast<Real>(learning_rate));
        slow_time_ += (rate_factor_ * learning_rate) * (rate_factor_ * learning_rate);
      }
      ++round_;
    } while (!empty() && !has_reached(until_slow_time) && step_ - batch.first_step < most_steps);
    return batch;
  }

 private:
  const TrainingSchedule& schedule_;
  double rate_factor_;
  std::int64_t step_ = 0;
  std::int64_t round_ = 0;
  double slow_time_ = 0.0;
};

}  // namespace quasar
