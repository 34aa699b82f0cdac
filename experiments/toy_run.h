#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/config.h"
#include "core/training_schedule.h"
#include "experiments/run_folder.h"
#include "experiments/slow_regime.h"
#include "experiments/toy_records.h"
#include "toy_models/ensemble.h"

namespace quasar {

struct NamedLandscape;

/// A run of `quasar toy` as its settings describe it.
struct ToyRun {
  RunOptions run;
  std::shared_ptr<const NamedLandscape> landscape;
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
  /// Throws ConfigError if there is no kernel for the combination, or no device for it.
  void require_kernels() const;
  /// run.json's description of it.
  nlohmann::json describe(const Config& config) const;
};

}  // namespace quasar
