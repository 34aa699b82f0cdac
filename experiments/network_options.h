#pragma once

#include <memory>

#include "core/config.h"
#include "core/training_schedule.h"
#include "experiments/network_manifold.h"
#include "experiments/slow_regime.h"

namespace quasar {

/// The network experiment that `train` runs and whose Slow SDE `sde` integrates: both read the same settings.
struct NetworkExperiment {
  TrainingSchedule schedule;
  SlowRegime regime;
  int num_workers;
  int local_batch_size;
  double label_noise;
  std::int64_t record_points;
  TanhMlp network;
  RegressionSet train_set, held_out;
  std::uint64_t start_seed;

  LabelNoise noise() const { return {label_noise, static_cast<double>(num_workers) * local_batch_size}; }
  NetworkManifold manifold() const { return {network, train_set}; }

  /// The common start: random weights brought onto the manifold by Gauss-Newton.
  ///
  /// throws  NumericalError if the network cannot fit the images
  Eigen::VectorXd start() const;

  /// Reads `data.*`, `network.*`, `noise.*`, `batch.*`, `start.*`, `workers.count`, `record.points` and the schedule.
  static NetworkExperiment read(const Config& config);
};

}  // namespace quasar
