#pragma once

#include "core/recorder.h"
#include "experiments/sde_options.h"
#include "experiments/slow_problem.h"

namespace quasar {

/// Means at the end of the slow time by Euler paths coupled over levels, for each observable by itself.
///
/// Records them as `observables`, and mean, variance, paths and cost of every level as `levels`.
/// throws  Interrupted after a signal (nothing is saved); Diverged if too many paths are given up
void integrate_multilevel(const AnySlowProblem& problem, const DriftWeights& weights, const SdeOptions& options,
                          Recorder& recorder);

}  // namespace quasar
