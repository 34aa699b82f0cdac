#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "experiments/part_runs.h"

namespace quasar {

/// How many times faster than SGD Local SGD moves along the manifold, against H at a fixed eta.
///
/// Rows: `multiplier`, one a measured run; `curve`, 1 + (K-1) psi_disc and 1 + (K-1) psi; `agreement`, chi-square of
/// both and of K - 1 in the place of K.
std::vector<PartRun> drift_multiplier_parts(const Config& config, const RunOptions& run);
std::vector<nlohmann::json> drift_multiplier_rows(const std::vector<Part>& parts);
std::string drift_multiplier_table(const std::vector<nlohmann::json>& rows);

}  // namespace quasar
