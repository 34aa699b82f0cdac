#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/recorder.h"
#include "core/training_schedule.h"
#include "distributed/checkpoint/checkpoint_folder.h"
#include "distributed/engine/workers.h"
#include "distributed/local_sgd/local_sgd.h"
#include "distributed/local_sgd/skipped_samples.h"
#include "distributed/local_sgd/training_task.h"

namespace quasar {

struct RecordOptions {
  std::int64_t every = 20;         ///< steps between records of steps, and of averages; 0: none
  std::int64_t probe_every = 500;  ///< steps between losses on a fixed batch before and after an average; 0: none
  std::int64_t probe_samples = 256;
};

enum class EvaluateWhen { epoch, steps, sync };

struct EvaluateOptions {
  EvaluateWhen when = EvaluateWhen::epoch;
  std::int64_t every = 1;             ///< epochs, steps or rounds between evaluations; the last step always has one
  std::int64_t train_samples = 1000;  ///< of the training set, whose loss is measured in evaluation mode too
  std::int64_t batch_norm_batches = 128;
  bool at_start = true;  ///< also before the first step
  bool ema = false;      ///< evaluates the exponential moving average
};

enum class OnSaveError { stop, go_on };

struct CheckpointOptions {
  std::int64_t every = 0;  ///< steps between checkpoints, besides the first and the last; 0: none at all
  Retention retention;
  OnSaveError on_save_error = OnSaveError::stop;
};

struct TrainerOptions {
  LocalSgdOptions local_sgd;
  int workers_in_turn = 1;  ///< simulated workers on each of the engine's
  RecordOptions record;
  EvaluateOptions evaluate;
  CheckpointOptions checkpoint;
  std::optional<double> time_limit_seconds;
  std::string start_weights;  ///< safetensors file, checkpoint or results folder; empty: the seed's start

  /// Reads every key of `train` but those of the schedule, the task and the workers.
  static TrainerOptions read(const Config& config, const TrainingSchedule& schedule, const TrainingTask& task,
                             std::int64_t steps_per_epoch);
};

/// Where a run leaves its traces. The recorder is worker 0's; the others have none.
struct TrainerFiles {
  Recorder* recorder = nullptr;
  std::filesystem::path run_folder;
  nlohmann::json identity;                ///< of the run, in every checkpoint
  std::optional<Checkpoint> resume_from;  ///< the same on every worker
};

struct TrainerResult {
  bool finished = true;  ///< false: saved at a common step because of `stop_reason`
  std::string stop_reason;
  TrainingPosition position;
  std::int64_t parameter_bytes = 0;
  std::uint64_t parameter_hash = 0;  ///< of the averaged parameters
  EvaluationCounts test;             ///< at the end
  SkippedSamples skipped_samples;    ///< in all sessions of the run
  Account account, measurements;
  double seconds = 0.0;  ///< of training, in all sessions of the run
  /// Of this session; they add up to its wall clock but for what no part is responsible for.
  struct Times {
    double setup = 0.0, data = 0.0, forward = 0.0, backward = 0.0, optimizer = 0.0, averages = 0.0, evaluation = 0.0,
           checkpoints = 0.0, wall = 0.0;
  } times;
};

/// Copies the weights at `place` (a safetensors file, checkpoint or results folder) into objectives of the same task,
/// batch-norm statistics included, by way of `scratch`.
///
/// throws  CheckpointError if there are none or they are damaged, DataError listing every name or shape that differs
void load_start_weights(const std::string& place, Evaluator& scratch,
                        const std::vector<std::unique_ptr<Objective>>& objectives);

/// Trains one worker's share (the workers in turn of it) of a network by Local SGD, from the start or from a checkpoint.
///
/// throws  Diverged, PeerError, StorageError, or Interrupted if a signal came and there are no checkpoints to make
TrainerResult train(const TrainerOptions& options, const TrainingTask& task, const TrainingSchedule& schedule,
                    Worker& worker, const TrainerFiles& files);

}  // namespace quasar
