#pragma once

#include <cstdint>
#include <filesystem>

#include "core/config.h"
#include "core/training_schedule.h"
#include "experiments/commands.h"

namespace quasar {

/// Whether the configuration is of a training task; else it is the interpolating network's (tanh_mlp).
bool trains_task(const Config& config);

/// What `plan` says of such a run beyond its schedule, without training.
struct TaskPlan {
  TrainingSchedule schedule;
  std::int64_t parameters;        ///< d
  std::int64_t average_bytes;     ///< of one average, a worker
  std::int64_t checkpoint_bytes;  ///< of all workers
  int num_workers;
  double steps_per_epoch;
};

/// Reads the whole configuration; throws ConfigError in a binary without LibTorch.
TaskPlan plan_task(const Config& config);

/// The results folder of such a run, once its whole configuration has been read.
std::filesystem::path training_folder(const Config& config);

/// `quasar train` for a task (TrainingTask): network.name = mlp, cnn, resnet20, ...
///
/// Runs as threads of this process, as one of the processes of a launcher, or starts workers.processes of them itself.
/// An unfinished run of the same settings goes on from its newest checkpoint.
/// returns  the exit code
int train_task(const Config& config, const RunArguments& arguments);

}  // namespace quasar
