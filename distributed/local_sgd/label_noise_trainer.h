#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/training_schedule.h"
#include "distributed/data/image_classification.h"
#include "distributed/engine/workers.h"
#include "distributed/networks/tanh_mlp.h"

namespace quasar {

struct LabelNoiseTrainerOptions {
  int num_workers = 1;       ///< K
  int replicas = 1;          ///< R independent noise seeds, trained side by side as one batched network
  int first_replica = 0;     ///< number of the first of them, in the names of its draws
  int local_batch_size = 1;  ///< b, drawn with replacement
  double label_noise = 0.0;  ///< delta: targets are y + delta eps with signs eps = +-1
  double momentum = 0.0;     ///< kept local
  std::uint64_t seed = 1;
  bool check_collectives = true;
  bool double_precision = true;
  int records = 20;  ///< equally spaced in steps, besides the one at the start
};

/// What is known at the end of a round, just after its average.
struct TrainingRecord {
  std::int64_t step;               ///< optimiser steps done
  std::int64_t round;              ///< rounds done
  std::int64_t period;             ///< H of the round that ended here (at step 0: of the first round)
  double learning_rate;            ///< of the last step (at step 0: of the first)
  double slow_time;                ///< sum of eta^2 over the steps
  double volume;                   ///< averages as a share of data-parallel's, one a step
  at::Tensor parameters;           ///< (R, d): average over the workers
  std::vector<double> dispersion;  ///< (R): sum_k |theta_k - average|^2 / K just before the average
};

/// Called on worker 0's thread; the others wait for it at their next average.
using Observer = std::function<void(const TrainingRecord&)>;

struct LabelNoiseTrainerResult {
  Account account;       ///< worker 0's averages of gradients or parameters
  Account measurements;  ///< its collectives for the records alone
  double seconds;
  std::int64_t steps;
  std::int64_t rounds;
  std::uint64_t parameter_hash;  ///< 64-bit FNV-1a of the final averaged parameters
};

/// Local SGD (LocalSgd) with label noise, worker k's loss being (1/2b) sum_j |f(x_j) - y_j - delta eps_j|^2 over its b
/// samples, with fair signs eps_j of their own at every visit.                    Blanc et al. 2020 (arXiv:1904.09080)
///
/// Before sync.switch_step gradients are averaged at every step instead of parameters at the end of a round.
/// A record is made at the start, at the end of the first round at or after each record time, and after the last step.
///
/// start_row  (d), common to all workers and replicas
/// throws     Diverged at the first round end with a non-finite average (records before it have been observed),
///            PeerError, whatever the observer throws, Interrupted
/// Not checked: that the data fit the network.
LabelNoiseTrainerResult train_with_label_noise(const LabelNoiseTrainerOptions& options,
                                               const TrainingSchedule& schedule, const TanhMlp& network,
                                               const RegressionSet& data, const at::Tensor& start_row,
                                               const Observer& observer);

}  // namespace quasar
