#pragma once

#include <filesystem>
#include <mutex>
#include <vector>

#include <ATen/Parallel.h>

#include "distributed/local_sgd/image_task.h"
#include "distributed/local_sgd/trainer.h"
#include "distributed/optimizers/optimizer.h"

namespace quasar {

/// Trains on threads; the workers' results by rank.
inline std::vector<TrainerResult> train_on_threads(const TrainerOptions& options, const TrainingTask& task,
                                                   const TrainingSchedule& schedule, int workers, int node_size = 0,
                                                   const TrainerFiles& files = {}) {
  WorkerOptions workers_of_engine;
  workers_of_engine.count = workers;
  workers_of_engine.check_collectives = false;
  workers_of_engine.node_size = node_size;
  std::vector<TrainerResult> results(static_cast<std::size_t>(workers));
  run_workers(workers_of_engine, [&](Worker& worker) {
    TrainerFiles own = files;
    if (worker.rank() != 0) own.recorder = nullptr;
    results[static_cast<std::size_t>(worker.rank())] = train(options, task, schedule, worker, own);
  });
  return results;
}

/// A small training run on procedural images: seconds on one core, with everything that a large one has.
struct SmallRun {
  ImageTask task;
  TrainerOptions options;
  TrainingSchedule schedule;
  int workers = 2, node_size = 0;

  explicit SmallRun(const std::string& network = "mlp", std::int64_t steps = 24, std::int64_t period = 4) {
    static const auto images =
        std::make_shared<const LabelledImageSets>(load_labelled_images("procedural", "", {.train = 480, .test = 200}));
    task.data = images;
    task.network.name = network;
    task.network.width = network == "mlp" ? 16 : 8;
    task.network.norm = network == "mlp" ? Normalization::none : Normalization::batch;
    task.network.channels = 1;
    task.network.rows = task.network.cols = 28;
    options.local_sgd.local_batch_size = 8;
    options.local_sgd.optimizer.kind = Sgd{.momentum = 0.9};
    options.evaluate.train_samples = 100;
    options.evaluate.batch_norm_batches = 4;
    options.record = {.every = 5, .probe_every = 10, .probe_samples = 32};
    schedule.total_steps = steps;
    schedule.learning_rate = {.decay = lr_decay::Constant{}, .peak = 0.05, .total_steps = steps};
    schedule.sync = {.rule = sync_rules::Constant{period}, .total_steps = steps};
  }

  void make_parallel() { schedule.sync.switch_step = schedule.total_steps; }

  std::vector<TrainerResult> run(const TrainerFiles& files = {}) const {
    return train_on_threads(options, task, schedule, workers, node_size, files);
  }
  std::uint64_t hash() const { return run().front().parameter_hash; }
};

/// Parameters after the whole schedule by the optimiser alone: no workers, no rounds.
inline at::Tensor train_plainly(const TrainingTask& task, const LocalSgdOptions& options,
                                const TrainingSchedule& schedule) {
  at::set_num_threads(1);  // as workers have
  const auto objective = task.make_objective();
  Optimizer optimizer(options.optimizer, objective->parameters(), objective->decayed());
  std::int64_t place = 0;
  for (std::int64_t step = 0; step < schedule.total_steps; ++step) {
    place = objective->add_gradient({step, place, 0, 1, options.local_batch_size}).next_place;
    optimizer.step(objective->parameters(), objective->gradient(), schedule.learning_rate.at(step));
    objective->gradient().zero_();
  }
  return objective->parameters();
}

}  // namespace quasar
