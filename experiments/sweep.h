#pragma once

#include "core/config.h"
#include "experiments/commands.h"

namespace quasar {

/// Whether `sweep.*` is given.
bool is_sweep(const Config& config);

/// `quasar toy` with every combination of the values under `sweep.*`, all with the same seed, and a table of what they
/// ended with: printed, and as table.csv and table.jsonl in a results folder of its own.
///
/// Each combination is a run like any other, in its own results folder: one that is there already is not run again, and a
/// sweep that was stopped goes on. A combination that diverges is a row that says so; the others go on.
/// throws  ConfigError for keys that cannot be swept, listing those that can; Diverged at the end, naming combinations
void run_sweep(const RunArguments& arguments);

}  // namespace quasar
