#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/training_schedule.h"
#include "experiments/landscapes.h"
#include "experiments/run_folder.h"
#include "experiments/slow_regime.h"
#include "experiments/toy_records.h"
#include "toy_models/ensemble.h"

namespace quasar {

/// A run of `quasar toy` as its settings describe it.
struct ToyRun {
  RunOptions run;
  NamedLandscape landscape;
  TrainingSchedule schedule;
  SlowRegime regime;
  EnsembleOptions ensemble;
  std::vector<double> times{};  ///< of the records
  ToyNames names{};             ///< of what is recorded
  std::vector<std::int64_t> histogram_bins{};
  std::int64_t closed_curve_bins = 0;
  std::int64_t paths = 0;
  double save_every = 0.0;  ///< seconds; 0: on signals only

  /// Reads all keys of the command and accepts those of others; does not call finish().
  static ToyRun read(const Config& config);
  /// run.json's description of it.
  nlohmann::json describe(const Config& config) const;
};

}  // namespace quasar
