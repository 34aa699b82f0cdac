#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "experiments/part_runs.h"

namespace quasar {

/// Theorem 3.1 as an experiment: |E g(Phi(average)) - E g(zeta)| of SGD, H = beta/eta and QSR for several eta.
///                                                                    Gu et al. 2024 (arXiv:2310.14423), Theorem 3.1
/// Rows: `error`, one a measured run and observable; `order`, the fitted slope with its band, or why it is refused.
/// A slope is fitted only where every Monte-Carlo error is below a third of the error itself.
std::vector<PartRun> weak_error_parts(const Config& config, const RunOptions& run);
std::vector<nlohmann::json> weak_error_rows(const std::vector<Part>& parts);
std::string weak_error_table(const std::vector<nlohmann::json>& rows);

}  // namespace quasar
