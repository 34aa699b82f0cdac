#pragma once

#include <functional>

#include "experiments/commands.h"

namespace quasar {

/// `--all-regimes` of `sde` and `toy`: the file's run under SGD (H = 1), H = beta/eta and QSR, then their comparison.
///
/// Each regime is a run like any other, in its own results folder. sync.beta and sync.alpha may stand in the file or
/// among the overrides, and go to the regime that reads them.
/// throws  ConfigError if one of them is missing, or where the file's own rule is none of the three
void run_all_regimes(const RunArguments& arguments, const std::function<FinishedRun(const Config&, bool dry_run)>& run);

}  // namespace quasar
