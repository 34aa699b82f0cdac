#include "experiments/task_training_options.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include <ATen/Context.h>

#include "distributed/local_sgd/image_task.h"
#include "distributed/local_sgd/language_task.h"
#include "experiments/slow_regime.h"

namespace quasar {
namespace {

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

/// K workers on the engine's P threads or processes, K / P of them in turn on each.
void read_workers(const Config& config, TaskTraining& training) {
  training.environment = launch_environment();
  const auto& environment = training.environment;
  training.processes = static_cast<int>(config.integer("workers.processes", between(0, 4096), 0));
  const auto threads = config.integer("workers.threads", between(0, 4096), 0);
  if (training.processes > 0 && threads > 0) config.fail("workers.threads", "contradicts workers.processes; give one");
  const std::int64_t given = environment              ? environment->world_size
                             : training.processes > 0 ? training.processes
                                                      : threads;
  training.num_workers = static_cast<int>(config.integer("workers.count", between(1, 4096), given > 0 ? given : 1));
  WorkerOptions& workers = training.workers;
  workers.count = static_cast<int>(given > 0 ? given : training.num_workers);
  if (training.num_workers % workers.count != 0)
    config.fail("workers.count", "must be a multiple of the " + std::to_string(workers.count) + " " +
                                     (environment              ? "processes of " + environment->launcher
                                      : training.processes > 0 ? "workers.processes"
                                                               : "workers.threads"));
  training.options.workers_in_turn = training.num_workers / workers.count;
  workers.check_collectives = config.boolean("workers.check_collectives", true);
  workers.timeout_seconds = config.number("workers.timeout", positive(), 60.0);
  workers.node_size = static_cast<int>(config.integer("workers.node_size", between(0, 4096), 0));
  workers.interface = config.text("workers.interface", "");
  workers.threads_per_worker = static_cast<int>(config.integer("workers.threads_per_worker", between(1, 1024), 1));
  workers.affinity = config.boolean("workers.affinity", false);
  training.launch.log_folder = config.text("workers.log_folder", "");
  if (workers.node_size > 1 && config.has("sync.rule") && config.text("sync.rule") == "parallel")
    config.fail("workers.node_size", "contradicts sync.rule = parallel, which averages gradients over all workers");
  if (workers.node_size > 1 && training.options.workers_in_turn > 1)
    config.fail("workers.node_size", "contradicts workers in turn (workers.count above the number of processes)");
  if (workers.node_size > 1 && workers.count % workers.node_size != 0)
    config.fail("workers.node_size", "must divide workers.count = " + std::to_string(workers.count));
}

/// The norm test compares gradients of equally many samples.
void check_norm_test(const Config& config, const TaskTraining& training, std::int64_t local_batch) {
  const std::int64_t micro = training.task->micro_size;
  if (training.num_workers == 1 && (micro == 0 || micro >= local_batch))
    config.fail("norm_test.tolerance",
                "needs two gradients to compare: workers.count > 1, or a batch.micro_size below "
                "batch.local_size");
  if (micro > 0 && local_batch % micro != 0)
    config.fail("batch.micro_size", "must divide batch.local_size = " + std::to_string(local_batch) +
                                        " where norm_test.tolerance compares the micro-batches");
  if (training.options.local_sgd.norm_test->max_local_size < local_batch)
    config.fail("norm_test.max_local_size",
                "is below batch.local_size = " + std::to_string(local_batch) + ", which never shrinks");
}

std::unique_ptr<TrainingTask> read_task(const Config& config, std::uint64_t seed) {
  if (LanguageTask::is_meant_by(config)) return std::make_unique<LanguageTask>(LanguageTask::read(config, seed));
  return std::make_unique<ImageTask>(ImageTask::read(config, seed));
}

}  // namespace

void TaskTraining::place(const Config& config, const std::optional<LaunchEnvironment>& where) {
  environment = where;
  if (!on_gpu) return;
  if (!at::globalContext().hasCUDA())
    config.fail("workers.device", "= cuda: this binary or this machine has no GPU for LibTorch (see quasar doctor)");
  if (!environment && workers.count > 1)
    config.fail("workers.device", "= cuda needs a process a GPU: workers.processes (or workers.threads = 1, in turn)");
  task->device = {at::kCUDA, static_cast<c10::DeviceIndex>(environment ? environment->local_rank : 0)};
}

TaskTraining TaskTraining::read(const Config& config) {
  TaskTraining training;
  training.run = RunOptions::read(config, "train");
  read_workers(config, training);
  training.task = read_task(config, training.run.seed);
  const TrainingTask& task = *training.task;
  training.on_gpu = config.choice("workers.device", {"cpu", "cuda"}, std::string("cpu")) == "cuda";
  const std::int64_t batch = config.integer("batch.local_size", between(1, 1 << 20), 32);
  const std::int64_t samples = task.samples(Split::train);
  Sampler(task.sampler, samples).check(training.num_workers, batch);
  const double exact = static_cast<double>(samples) / static_cast<double>(training.num_workers * batch);
  const double steps_per_epoch = task.sampler.epoch == EpochEnd::drop ? std::floor(exact) : exact;
  training.steps_per_epoch = steps_per_epoch;
  training.allowed = split_at_commas(config.text("checkpoint.allow", ""));
  training.schedule = TrainingSchedule::read(config, steps_per_epoch);
  const int in_turn = training.options.workers_in_turn;
  training.options = TrainerOptions::read(config, training.schedule, task,
                                          std::max<std::int64_t>(1, static_cast<std::int64_t>(steps_per_epoch)));
  training.options.workers_in_turn = in_turn;
  if (const auto* sgd = std::get_if<Sgd>(&training.options.local_sgd.optimizer.kind))
    refuse_slow_time_with_momentum(config, sgd->momentum);
  if (training.options.local_sgd.norm_test) check_norm_test(config, training, batch);
  // The launcher itself trains nothing, and must not touch a GPU before it forks.
  if (training.processes == 0 || training.environment) training.place(config, training.environment);
  training.options.local_sgd.hierarchical = training.workers.node_size > 1;
  config.ignore({"study.seeds"});  // of the study that this run may be a part of
  config.finish();
  training.folder = std::filesystem::path(training.run.results) / training.run.name / config.hash();
  return training;
}

}  // namespace quasar
