#pragma once

#include "experiments/commands.h"

namespace quasar {

/// Local SGD on a strongly convex loss for every K and H of a grid, until the weighted average's gap is below epsilon.
///
/// Records, series `observables`: gap and bound of each run against its steps; series `runs`: one record a run, with the
/// steps, gradients and rounds that epsilon took; a gap of null is of steps too long, from which the iterates diverged. run.json has `convex`: the problem and its minimum.
FinishedRun run_convex(const Config& config, bool dry_run);

}  // namespace quasar
