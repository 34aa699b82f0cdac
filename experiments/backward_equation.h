#pragma once

#include "experiments/commands.h"

namespace quasar {

/// `quasar sde` with sde.solver = "backward_equation": the same expectations without paths, and the stationary law.
FinishedRun run_backward_equation(const Config& config, bool dry_run);

}  // namespace quasar
