#pragma once

#include <cstdint>
#include <variant>
#include <vector>

namespace quasar {

class Config;

/// Shapes of the learning rate after warm-up.
namespace lr_decay {

struct Constant {};
/// final + (peak - final)(1 + cos(pi (t - W)/(T - W)))/2
struct Cosine {};
/// final + (T - t)(peak - final)/(T - W)
struct Linear {};
/// peak * factor^(number of steps in the list that are <= t)
struct Step {
  std::vector<std::int64_t> steps;
  double factor;
};
/// The cosine rounded to the nearest power of base in log space.
struct CosineStep {
  double base;
};

}  // namespace lr_decay

/// Learning rate of optimiser step t = 0, 1, ..., T - 1; a pure function, safe to ask twice and out of order.
///
///   t < W:  eta(t) = final + t (peak - final)/W;  then one of lr_decay      code of Gu et al. 2024, xscheduler.py
struct LearningRateSchedule {
  std::variant<lr_decay::Constant, lr_decay::Cosine, lr_decay::Linear, lr_decay::Step, lr_decay::CosineStep> decay;
  double peak = 0.0;
  double final = 0.0;
  std::int64_t warmup_steps = 0;
  std::int64_t total_steps = 1;

  double at(std::int64_t step) const;
  bool is_constant() const;

  /// Reads `learning_rate.*`.
  static LearningRateSchedule read(const Config& config, std::int64_t total_steps);
};

}  // namespace quasar
