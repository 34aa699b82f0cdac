#pragma once

#include <vector>

#include "core/config.h"
#include "experiments/part_runs.h"

namespace quasar {

/// The main job: Local SGD in the three regimes on two toys and on a network, theory beside measurement.
std::vector<PartRun> side_by_side_parts(const Config& config, const RunOptions& run);

}  // namespace quasar
