#pragma once

#include <optional>

#include "core/config.h"
#include "core/recorder.h"
#include "experiments/saved_paths.h"
#include "experiments/sde_options.h"
#include "experiments/slow_problem.h"

namespace quasar {

/// Integrates independent paths of a Slow SDE and records them at the options' stops, from `saved` on if it is given.
///
/// throws  Saved if a signal comes, with the paths in the recorder's folder; Diverged if too many paths are given up;
///         CheckpointError if `saved` does not hold these paths
void integrate_paths(const AnySlowProblem& problem, const DriftWeights& weights, const SdeOptions& options,
                     const Config& config, const std::optional<SavedPaths>& saved, Recorder& recorder);

}  // namespace quasar
