#pragma once

#include "experiments/commands.h"

namespace quasar {

/// `quasar sde` with sde.system = "network": the Slow SDE of the network that `quasar train` would train.
FinishedRun run_network_theory(const Config& config, bool dry_run);

}  // namespace quasar
