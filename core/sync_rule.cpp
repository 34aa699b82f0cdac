#include "core/sync_rule.h"

#include <algorithm>
#include <cmath>

#include "core/config.h"

namespace quasar {
namespace {

std::int64_t period_of(const sync_rules::Constant& rule, const SynchronizationRule&, const RoundStart&) {
  return rule.period;
}

std::int64_t period_of(const sync_rules::Power& rule, const SynchronizationRule& all, const RoundStart& start) {
  if (start.step < all.warmup_steps) return rule.base_period;
  const double steps = std::floor(std::pow(rule.coefficient / start.learning_rate, rule.exponent));
  if (!(steps < static_cast<double>(all.total_steps))) return all.total_steps;
  return std::max(rule.base_period, static_cast<std::int64_t>(steps));
}

std::int64_t period_of(const sync_rules::Phases& rule, const SynchronizationRule&, const RoundStart& start) {
  std::int64_t period = 1;
  for (const auto& [first_step, phase_period] : rule.start_and_period)
    if (first_step <= start.step) period = phase_period;
  return period;
}

std::int64_t period_of(const sync_rules::Swap&, const SynchronizationRule& all, const RoundStart&) {
  return all.total_steps;
}

sync_rules::Phases read_phases(const Config& config) {
  sync_rules::Phases phases{config.integer_pairs("sync.phases")};
  std::int64_t previous = -1;
  for (const auto& [start, period] : phases.start_and_period) {
    if (start <= previous) config.fail("sync.phases", "starts must increase");
    if (previous < 0 && start != 0) config.fail("sync.phases", "the first phase must start at step 0");
    if (period < 1) config.fail("sync.phases", "every H must be at least 1");
    previous = start;
  }
  return phases;
}

}  // namespace

std::int64_t SynchronizationRule::period(const RoundStart& start) const {
  if (averages_gradients(start.step)) return 1;
  const std::int64_t wanted = std::visit([&](const auto& r) { return period_of(r, *this, start); }, rule);
  return std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(1, total_steps - start.step));
}

SynchronizationRule SynchronizationRule::read(const Config& config, std::int64_t total_steps,
                                              std::int64_t warmup_steps) {
  SynchronizationRule result;
  result.total_steps = total_steps;
  result.warmup_steps = warmup_steps;
  const std::string name = config.choice(
      "sync.rule", {"constant", "inverse", "qsr", "power", "phases", "swap", "parallel"}, std::string("constant"));
  const auto base = [&] { return config.integer("sync.base_period", at_least(1), 1); };
  if (name == "constant") result.rule = sync_rules::Constant{config.integer("sync.period", at_least(1), 1)};
  if (name == "inverse") result.rule = sync_rules::Power{config.number("sync.beta", positive()), 1.0, base()};
  if (name == "qsr") result.rule = sync_rules::Power{config.number("sync.alpha", positive()), 2.0, base()};
  if (name == "power")
    result.rule =
        sync_rules::Power{config.number("sync.alpha", positive()), config.number("sync.power", positive()), base()};
  if (name == "phases") result.rule = read_phases(config);
  if (name == "swap") result.rule = sync_rules::Swap{};
  if (name == "parallel") result.rule = sync_rules::Constant{1};
  config.forget_replaced("sync.rule",
                         {"sync.period", "sync.base_period", "sync.alpha", "sync.beta", "sync.power", "sync.phases"});
  if (name == "parallel" && config.has("sync.switch_step"))
    config.fail("sync.switch_step", "contradicts sync.rule = parallel, which averages gradients to the end");
  result.switch_step = name == "parallel" ? total_steps : config.integer("sync.switch_step", at_least(0), 0);
  if (result.switch_step > total_steps)
    config.fail("sync.switch_step", "is after the last step (training.steps = " + std::to_string(total_steps) + ")");
  return result;
}

}  // namespace quasar
