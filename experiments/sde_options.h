#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/config.h"
#include "experiments/slow_regime.h"
#include "sde/multilevel.h"
#include "sde/path_options.h"

namespace quasar {

/// Whether `optimizer.name` is adam rather than sgd.
bool is_adam(const Config& config);

/// A step at which something is recorded.
struct SdeStop {
  std::int64_t step;
  bool observables;
  bool paths;
};

/// How `quasar sde` integrates and what it records.
struct SdeOptions {
  PathOptions paths;
  std::string weights;  ///< psi, limit or psi_disc
  std::int64_t steps;
  double max_bad_fraction;                      ///< of the paths that may be given up before the run is
  std::int64_t recorded_paths;                  ///< whose positions are recorded, the first ones
  std::vector<SdeStop> stops;                   ///< in order of the step
  std::optional<MultilevelOptions> multilevel;  ///< the estimator, if it is not that of independent paths
  double save_seconds;        ///< of wall time between two saves of the paths; 0: only when a signal comes
  std::vector<double> start;  ///< empty: the landscape's own

  /// Reads `sde.*`, `record.*` and what of `optimizer.*` is Adam's; combinations of scheme and noise that lose the scheme's order are refused,
  /// and so are those of equation, regime and optimizer that no theory here covers.
  static SdeOptions read(const Config& config, const SlowRegime& regime, std::uint64_t seed);
  /// Scheme, order, retraction and noise in words, and what mean and spread are taken of; for run.json.
  nlohmann::json describe() const;
};

}  // namespace quasar
