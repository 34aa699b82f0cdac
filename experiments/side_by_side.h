#pragma once

#include <string>
#include <vector>

#include "core/config.h"
#include "experiments/comparison.h"
#include "experiments/run_folder.h"

namespace quasar {

/// One run that a comparison needs: a whole configuration of `quasar sde`, `toy` or `train`.
struct PartRun {
  std::string panel, regime, command, config;
};

/// The main job: Local SGD in the three regimes on two toys and on a network, theory beside measurement.
struct SideBySideOptions {
  RunOptions run;
  std::vector<PartRun> parts;

  static SideBySideOptions read(const Config& config);
};

/// Runs the parts that are not yet there and reads their folders; a part that this binary cannot run is said and left out.
std::vector<Part> run_parts(const std::vector<PartRun>& parts, bool dry_run = false);

}  // namespace quasar
