#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/estimate.h"

namespace quasar {

/// One results folder as one side of a comparison.
struct Part {
  std::string panel;    ///< what is compared: valley, circle, network, ...
  std::string regime;   ///< sgd, inverse, qsr, ...
  std::string kind;     ///< theory or measurement
  std::string weights;  ///< theory only: limit, psi or psi_disc
  double learning_rate = 0.0;
  int num_workers = 1;
  std::int64_t sync_period = 1;
  std::string system_id, experiment_id;  ///< see describe_run
  std::filesystem::path folder;
  std::vector<nlohmann::json> records;
  nlohmann::json projection;  ///< of a training run: Gauss-Newton against the gradient flow; null elsewhere

  bool is_theory() const { return kind == "theory"; }
  /// The value at a slow time, interpolated linearly between records; empty if the observable was not recorded.
  std::optional<Estimate> at(const std::string& observable, double slow_time) const;
  double last_slow_time() const;
};

/// Reads a finished (or diverged) sde, toy or train folder; panel and regime are what its run.json says.
Part load_part(const std::filesystem::path& folder);

/// Rows of the table: theory beside measurement at the end of each measured run, and what follows from several runs.
///
/// `unpaired`         a measured run without theory of the same settings
/// `drift`            predicted, measured +- s.e., difference in s.e., and what the other regimes predict
/// `extrapolation`    two learning rates extrapolated to 0 against the prediction
/// `free_prediction`  time averages of train loss and dispersion
/// `control`          SGD with batch B/K against QSR
/// `projection`       tr H at the Gauss-Newton projection, which is measured, against the gradient flow's
/// `collapse`         SGD at slow time t against QSR at t/K
std::vector<nlohmann::json> comparison_rows(const std::vector<Part>& parts);

/// The rows as Markdown, for people.
std::string comparison_table(const std::vector<nlohmann::json>& rows);

}  // namespace quasar
