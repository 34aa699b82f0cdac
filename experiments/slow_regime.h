#pragma once

#include <string>

#include "core/config.h"
#include "core/drift_factors.h"
#include "core/effective_rate.h"
#include "core/training_schedule.h"

namespace quasar {

/// How a training schedule looks in slow time.
struct SlowRegime {
  std::string name;          ///< sgd (H = 1 throughout), inverse, qsr, power, phases, swap or constant
  double learning_rate;      ///< eta, the peak if it is not constant
  std::int64_t sync_period;  ///< H of the first round
  double slow_time;          ///< sum of the squares of effective_rate over the steps
  int num_workers;           ///< K
  double momentum = 0.0;     ///< b; velocities stay local

  double effective_rate() const { return quasar::effective_rate(learning_rate, momentum); }

  /// The weights of the drift: `limit` is Def. 3.1-3.3 (1, 1 + (K-1) psi, K), `psi` is 1 + (K-1) psi(eta H (l_i + l_j))
  /// for every local rule, `psi_disc` the finite (eta, H) form.      Gu et al. 2024 (arXiv:2310.14423)
  /// With momentum `psi` holds for (1 - b) H >> 1 only; `psi_disc` is exact on a quadratic.
  DriftWeights weights(const std::string& kind) const;

  static SlowRegime of(const Config& config, const TrainingSchedule& schedule, int num_workers);
  /// The same with `optimizer.momentum`.
  static SlowRegime of_momentum(const Config& config, const TrainingSchedule& schedule, int num_workers);
  /// The two for theory; throw ConfigError if the learning rate is not constant, or H is not.
  static SlowRegime of_constant_rate(const Config& config, const TrainingSchedule& schedule, int num_workers);
  static SlowRegime of_constant_rate_and_momentum(const Config& config, const TrainingSchedule& schedule,
                                                  int num_workers);
};

/// throws  ConfigError if `training.slow_time`, which sets the steps by the learning rate itself, meets momentum
void refuse_slow_time_with_momentum(const Config& config, double momentum);

}  // namespace quasar
