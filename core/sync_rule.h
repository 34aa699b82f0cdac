#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace quasar {

class Config;

/// Ways to choose H, the number of local steps of a round.
namespace sync_rules {

struct Constant {
  std::int64_t period;
};
/// H = max(base_period, floor((coefficient / eta)^exponent)): exponent 1 is H ~ 1/eta (coefficient beta),
/// exponent 2 the Quadratic Synchronization Rule (coefficient alpha).      Gu et al. 2024 (arXiv:2310.14423), eq. 2
struct Power {
  double coefficient;
  double exponent;
  std::int64_t base_period;
};
/// H of the last phase [start, H] whose start is at or before the round's first step.
struct Phases {
  std::vector<std::pair<std::int64_t, std::int64_t>> start_and_period;
};
/// One round to the end of training: after switch_step a single average (stochastic weight averaging in parallel).
struct Swap {};

}  // namespace sync_rules

/// What a rule may look at: the first step of the round and its learning rate.
struct RoundStart {
  std::int64_t step;
  double learning_rate;
};

/// The number of local steps of every round; a pure function of the round's start.
///
/// Power rules use base_period while step < warmup_steps. A round never passes the end of training, so the last
/// step is always an average. Before switch_step gradients are averaged at every step (post-local SGD).
/// The floor has no tolerance, as in the published code: (0.3 / 0.1)^2 gives 8.
struct SynchronizationRule {
  std::variant<sync_rules::Constant, sync_rules::Power, sync_rules::Phases, sync_rules::Swap> rule;
  std::int64_t warmup_steps = 0;
  std::int64_t total_steps = 1;
  std::int64_t switch_step = 0;

  /// H of the round that starts here; at least 1, at most total_steps - step.
  std::int64_t period(const RoundStart& start) const;
  bool averages_gradients(std::int64_t step) const { return step < switch_step; }

  /// Reads `sync.*`.
  static SynchronizationRule read(const Config& config, std::int64_t total_steps, std::int64_t warmup_steps);
};

}  // namespace quasar
