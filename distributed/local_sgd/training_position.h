#pragma once

#include <cstdint>

#include <nlohmann/json_fwd.hpp>

namespace quasar {

/// Where training is; what a schedule, a checkpoint and a record need.
struct TrainingPosition {
  std::int64_t step = 0;                    ///< optimiser steps done
  std::int64_t round = 0;                   ///< rounds done
  std::int64_t round_start = 0;             ///< step at which the current round began
  std::int64_t next_sync = 0;               ///< step at which it ends
  std::int64_t samples = 0;                 ///< taken by all workers together
  std::int64_t place = 0;                   ///< in the stream of visits (Sampler), where the next step begins
  std::int64_t local_batch = 1;             ///< b
  std::int64_t next_local_batch = 1;        ///< b of the next round
  bool averages_gradients = false;          ///< whether the current round (of one step) averages gradients
  double slow_time = 0.0;                   ///< sum of eta_eff^2 over the steps
  double learning_rate = 0.0;               ///< of the last step (before the first: of the first)
  double round_learning_rate = 0;           ///< of the first step of the current round
  std::int64_t collectives = 0, bytes = 0;  ///< of training, since the very start, restarts included
  std::int64_t clipped = 0;                 ///< gradients clipped, on worker 0
  std::int64_t skipped = 0;                 ///< optimiser steps left out, on all workers, as of the last average

  std::int64_t period() const { return next_sync - round_start; }
  nlohmann::json to_json() const;
  static TrainingPosition from_json(const nlohmann::json& json);
};

}  // namespace quasar
