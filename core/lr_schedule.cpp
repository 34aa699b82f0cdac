#include "core/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/config.h"

namespace quasar {
namespace {

double cosine(const LearningRateSchedule& schedule, double progress) {
  return schedule.final + 0.5 * (schedule.peak - schedule.final) * (1.0 + std::cos(std::numbers::pi * progress));
}

}  // namespace

double LearningRateSchedule::at(std::int64_t step) const {
  const auto t = static_cast<double>(step);
  const auto warmup = static_cast<double>(warmup_steps);
  const auto total = static_cast<double>(total_steps);
  if (step < warmup_steps) return final + t * (peak - final) / warmup;
  const double decay_length = std::max(1.0, total - warmup);
  if (std::holds_alternative<lr_decay::Cosine>(decay)) return cosine(*this, (t - warmup) / decay_length);
  if (std::holds_alternative<lr_decay::Linear>(decay)) return final + (total - t) * (peak - final) / decay_length;
  if (const auto* stepwise = std::get_if<lr_decay::Step>(&decay)) {
    const auto passed = std::count_if(stepwise->steps.begin(), stepwise->steps.end(),
                                      [step](std::int64_t point) { return point <= step; });
    return peak * std::pow(stepwise->factor, static_cast<double>(passed));
  }
  if (const auto* rounded = std::get_if<lr_decay::CosineStep>(&decay)) {
    const double log_rate = std::log(cosine(*this, (t - warmup) / decay_length)) / std::log(rounded->base);
    return std::pow(rounded->base, std::nearbyint(log_rate));
  }
  return peak;
}

bool LearningRateSchedule::is_constant() const {
  return std::holds_alternative<lr_decay::Constant>(decay) && warmup_steps == 0;
}

LearningRateSchedule LearningRateSchedule::read(const Config& config, std::int64_t total_steps) {
  LearningRateSchedule schedule;
  const std::string name = config.choice(
      "learning_rate.schedule", {"constant", "cosine", "linear", "step", "cosine_step"}, std::string("constant"));
  schedule.total_steps = total_steps;
  schedule.peak = config.number("learning_rate.peak", positive());
  schedule.warmup_steps = config.integer("learning_rate.warmup_steps", at_least(0), 0);
  const bool uses_final = schedule.warmup_steps > 0 || name == "cosine" || name == "linear" || name == "cosine_step";
  if (uses_final) schedule.final = config.number("learning_rate.final", at_least(0.0), 0.0);
  if (name == "cosine") schedule.decay = lr_decay::Cosine{};
  if (name == "linear") schedule.decay = lr_decay::Linear{};
  if (name == "step")
    schedule.decay = lr_decay::Step{config.integers("learning_rate.decay_steps", at_least(0)),
                                    config.number("learning_rate.decay_factor", positive(), 0.1)};
  if (name == "cosine_step")
    schedule.decay = lr_decay::CosineStep{config.number("learning_rate.base", greater_than(1.0), 2.0)};
  config.forget_replaced("learning_rate.schedule", {"learning_rate.final", "learning_rate.decay_steps",
                                                    "learning_rate.decay_factor", "learning_rate.base"});
  return schedule;
}

}  // namespace quasar
