#pragma once

#include "core/config.h"
#include "experiments/slow_regime.h"
#include "toy_models/ensemble.h"

namespace quasar {

/// Reads the noise law and the optimiser of a toy ensemble, under the trainer's names.
///
///   noise.law = gaussian | label_noise (fair signs) | student_t (noise.degrees_of_freedom) | minibatch (batch.local_size, data.order =
///     replacement | reshuffle: each worker in an order of its own)
///   optimizer.name = sgd (.momentum, .nesterov) | adam (.beta1, .beta2, .epsilon)
///   averaging.momentum, .adam_m, .adam_v = keep | average | reset
void read_noise_and_optimizer(const Config& config, EnsembleOptions& options);

/// The regime of such an ensemble: with momentum slow time and psi are those of the effective rate.
SlowRegime regime_of_ensemble(const Config& config, const TrainingSchedule& schedule, const EnsembleOptions& options);

/// Throws ConfigError for a noise law that the Slow SDEs of the landscapes do not describe; passes over what they do not
/// depend on.
void require_slow_sde(const Config& config);

}  // namespace quasar
