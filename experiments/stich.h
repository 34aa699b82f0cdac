#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "experiments/part_runs.h"

namespace quasar {

/// How many gradients and rounds Local SGD needs to epsilon on a convex loss, against K and H.
///
/// Rows: `cell`, one a K, H and algorithm with its best step sizes, its speed-up where an average costs so many gradients;
/// `bound`, one a K and H with the theorem's step sizes, the gap measured at the end beside the bound.
std::vector<PartRun> stich_parts(const Config& config, const RunOptions& run);
std::vector<nlohmann::json> stich_rows(const std::vector<Part>& parts);
std::string stich_table(const std::vector<nlohmann::json>& rows);

}  // namespace quasar
