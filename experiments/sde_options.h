#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/config.h"
#include "experiments/slow_regime.h"
#include "sde/path_ensemble.h"

namespace quasar {

/// A step at which something is recorded.
struct SdeStop {
  std::int64_t step;
  bool observables;
  bool paths;
};

/// How `quasar sde` integrates and what it records.
struct SdeOptions {
  PathOptions paths;
  std::int64_t steps;
  double max_bad_fraction;      ///< of the paths that may be given up before the run is
  std::int64_t recorded_paths;  ///< whose positions are recorded, the first ones
  std::vector<SdeStop> stops;   ///< in order of the step
  std::vector<double> start;    ///< empty: the landscape's own

  /// Reads `sde.*` and `record.*`; combinations of scheme and noise that lose the scheme's order are refused.
  static SdeOptions read(const Config& config, const SlowRegime& regime, std::uint64_t seed);
  /// Scheme, order, retraction and noise in words, and what mean and spread are taken of; for run.json.
  nlohmann::json describe() const;
};

}  // namespace quasar
