#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/estimate.h"
#include "experiments/commands.h"
#include "experiments/slow_regime.h"

namespace quasar {

/// One observable of a record: mean, standard error, standard deviation and number of values.
nlohmann::json to_json(const RunningMoments& moments);

/// The same with the spread of `values` in place of the moments' own: sd and the 5, 25, 50, 75 and 95 % quantiles.
nlohmann::json to_json(const RunningMoments& moments, const std::vector<double>& values);

/// A value without spread, such as a deterministic prediction.
nlohmann::json exact(double value);

/// What run.json says of an sde, toy or train run, so that `compare` can pair it.
///
/// `system_id` names the system (landscape or network, data, noise, workers), `experiment_id` also the schedule: theory
/// and measurement belong together only if both have the same.
nlohmann::json describe_run(const Config& config, const std::string& command, const std::string& system,
                            const std::string& kind, const SlowRegime& regime, const std::string& weights = "");

/// Prints where a run's results are and the last record of its observables.
void print_run(const FinishedRun& run, bool dry_run);

}  // namespace quasar
