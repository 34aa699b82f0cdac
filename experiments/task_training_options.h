#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "distributed/engine/launch_environment.h"
#include "distributed/engine/launch_processes.h"
#include "distributed/engine/workers.h"
#include "distributed/local_sgd/trainer.h"
#include "experiments/run_folder.h"

namespace quasar {

/// Everything that one training run is made of.
struct TaskTraining {
  RunOptions run;
  TrainingSchedule schedule;
  std::unique_ptr<TrainingTask> task;
  TrainerOptions options;
  WorkerOptions workers;
  int num_workers, processes;
  std::vector<std::string> allowed;  ///< differences from a checkpoint that are accepted
  double steps_per_epoch;
  std::optional<LaunchEnvironment> environment;
  bool on_gpu = false;
  LaunchOptions launch;
  std::filesystem::path folder;

  /// Reads the whole configuration and the launcher's environment.
  static TaskTraining read(const Config& config);
  /// Takes this place among the processes of a launch, if any, and its GPU, if they are wanted.
  void place(const Config& config, const std::optional<LaunchEnvironment>& where);
  bool is_first() const { return !environment || environment->rank == 0; }
};

}  // namespace quasar
