#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "experiments/part_runs.h"

namespace quasar {

/// The laws that Local SGD settles in along the manifold, in the three regimes: histogram against density.
///
/// Rows: `histogram`, one a measured run, with its own regime's law and the chi-square of every regime's law.
std::vector<PartRun> stationary_parts(const Config& config, const RunOptions& run);
std::vector<nlohmann::json> stationary_rows(const std::vector<Part>& parts);
std::string stationary_table(const std::vector<nlohmann::json>& rows);

}  // namespace quasar
