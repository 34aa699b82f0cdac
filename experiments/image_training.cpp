#include "experiments/image_training.h"

#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>

#include <ATen/ATen.h>
#include <ATen/Context.h>

#include "core/build_info.h"
#include "core/errors.h"
#include "core/fault_plan.h"
#include "core/interrupt.h"
#include "distributed/checkpoint/identity.h"
#include "distributed/checkpoint/run_lock.h"
#include "distributed/engine/keep_memory.h"
#include "distributed/engine/launch_environment.h"
#include "distributed/engine/launch_processes.h"
#include "distributed/local_sgd/trainer.h"
#include "experiments/run_folder.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Everything that one training run is made of.
struct ImageTraining {
  RunOptions run;
  TrainingSchedule schedule;
  TrainerOptions options;
  WorkerOptions workers;
  int num_workers, processes;
  std::vector<std::string> allowed;  ///< differences from a checkpoint that are accepted
  double steps_per_epoch;
  std::optional<LaunchEnvironment> environment;
  LaunchOptions launch;
  fs::path folder;

  static ImageTraining read(const Config& config);
  bool is_first() const { return !environment || environment->rank == 0; }
};

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

/// The GPU of this process's place on its machine, or the CPU.
at::Device read_device(const Config& config, const ImageTraining& training) {
  if (config.choice("workers.device", {"cpu", "cuda"}, std::string("cpu")) == "cpu") return at::kCPU;
  if (training.processes > 0 && !training.environment) return at::kCPU;  // the launcher itself trains nothing
  if (!at::globalContext().hasCUDA())
    config.fail("workers.device", "= cuda: this binary or this machine has no GPU for LibTorch (see quasar doctor)");
  if (!training.environment && training.workers.count > 1)
    config.fail("workers.device", "= cuda needs a process a GPU: workers.processes (or workers.threads = 1, in turn)");
  return {at::kCUDA, static_cast<c10::DeviceIndex>(training.environment ? training.environment->local_rank : 0)};
}

/// K workers on the engine's P threads or processes, K / P of them in turn on each.
void read_workers(const Config& config, ImageTraining& training) {
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
  if (workers.node_size > 1 && training.options.workers_in_turn > 1)
    config.fail("workers.node_size", "contradicts workers in turn (workers.count above the number of processes)");
  if (workers.node_size > 1 && workers.count % workers.node_size != 0)
    config.fail("workers.node_size", "must divide workers.count = " + std::to_string(workers.count));
}

ImageTraining ImageTraining::read(const Config& config) {
  ImageTraining training;
  training.run = RunOptions::read(config, "train");
  read_workers(config, training);
  ImageTask task = ImageTask::read(config, training.run.seed);
  task.device = read_device(config, training);
  const std::int64_t batch = config.integer("batch.local_size", between(1, 1 << 20), 32);
  Sampler(task.sampler, task.sets->train.count).check(training.num_workers, batch);
  const double exact = static_cast<double>(task.sets->train.count) / static_cast<double>(training.num_workers * batch);
  const double steps_per_epoch = task.sampler.epoch == EpochEnd::drop ? std::floor(exact) : exact;
  training.steps_per_epoch = steps_per_epoch;
  training.allowed = split_at_commas(config.text("checkpoint.allow", ""));
  training.schedule = TrainingSchedule::read(config, steps_per_epoch);
  const int in_turn = training.options.workers_in_turn;
  training.options = TrainerOptions::read(config, training.schedule, std::move(task),
                                          std::max<std::int64_t>(1, static_cast<std::int64_t>(steps_per_epoch)));
  training.options.workers_in_turn = in_turn;
  training.options.local_sgd.hierarchical = training.workers.node_size > 1;
  config.finish();
  training.folder = fs::path(training.run.results) / training.run.name / config.hash();
  return training;
}

json about(const Config& config, const ImageTraining& training) {
  return {{"command", "train"},
          {"system", "network"},
          {"kind", "training"},
          {"name", training.run.name},
          {"seed", training.run.seed},
          {"num_workers", training.num_workers},
          {"peers", training.workers.count},
          {"launched_by", training.environment ? training.environment->launcher : "threads"},
          {"averaging", training.options.local_sgd.averaging.to_json()},
          {"data", training.options.task.sets->train.source},
          {"units", {{"bytes", "of one worker's tensors"}, {"slow_time", "steps * learning_rate^2"}, {"time", "s"}}},
          {"config_hash", config.hash()}};
}

json identity(const Config& config, const ImageTraining& training) {
  return {{"config_hash", config.hash()},
          {"data_hash", std::to_string(data_hash(training.options.task.sets->train))},
          {"num_workers", training.num_workers},
          {"peers", training.workers.count},
          {"code", build_info().code_id}};
}

/// Worker 0 chooses the checkpoint to go on from, and everybody opens the same.
std::optional<Checkpoint> choose_checkpoint(const ImageTraining& training, const json& own_identity, Worker& worker) {
  CheckpointFolder folder(training.folder);
  // What another code finished is done anew; what it did not finish is refused below.
  if (worker.rank() == 0 && fs::exists(training.folder / "DONE")) fs::remove_all(folder.path());
  if (worker.rank() == 0) folder.clean();
  std::optional<Checkpoint> newest;
  at::Tensor step = at::full({1}, std::int64_t{-1}, at::kLong);
  if (worker.rank() == 0) {
    newest = folder.newest_valid([](const std::string& warning) { std::fprintf(stderr, "%s\n", warning.c_str()); });
    if (newest) {
      for (const auto& difference :
           require_same_identity(newest->about.at("identity"), own_identity, training.allowed, newest->folder.string()))
        std::fprintf(stderr, "going on from '%s' although %s was %s and is %s (checkpoint.allow)\n",
                     newest->folder.c_str(), difference.name.c_str(), difference.saved.c_str(),
                     difference.current.c_str());
      step.fill_(newest->step);
    }
  }
  worker.broadcast(step, Purpose::measurement);
  if (worker.rank() != 0 && step.item<std::int64_t>() >= 0) newest = folder.open(step.item<std::int64_t>());
  return newest;
}

json summary(const ImageTraining& training, const TrainerResult& result) {
  const double accuracy = static_cast<double>(result.test.correct) / static_cast<double>(result.test.count);
  char hash[20];
  std::snprintf(hash, sizeof(hash), "%016llx", static_cast<unsigned long long>(result.parameter_hash));
  const double steps = static_cast<double>(std::max<std::int64_t>(1, result.position.step));
  return {{"steps", result.position.step},
          {"rounds", result.position.round},
          {"samples", result.position.samples},
          {"test_accuracy", accuracy},
          {"test_loss", result.test.loss / static_cast<double>(result.test.count)},
          {"test_count", result.test.count},
          {"parameter_hash", hash},
          {"averages", result.position.collectives},
          {"averaged_bytes", result.position.bytes},
          {"volume", static_cast<double>(result.position.collectives) / steps},
          {"measurement_bytes", result.measurements.bytes},
          {"time",
           {{"training_seconds", result.seconds},
            {"setup_seconds", result.times.setup},
            {"data_seconds", result.times.data},
            {"forward_seconds", result.times.forward},
            {"backward_seconds", result.times.backward},
            {"optimizer_seconds", result.times.optimizer},
            {"average_seconds", result.times.averages},
            {"evaluation_seconds", result.times.evaluation},
            {"checkpoint_seconds", result.times.checkpoints},
            {"wall_seconds", result.times.wall},
            {"collective_seconds", result.account.seconds},
            {"samples_per_second", static_cast<double>(result.position.samples) / result.seconds}}},
          {"regime", training.schedule.sync.switch_step >= training.schedule.total_steps ? "parallel" : "local"}};
}

void print_summary(const fs::path& folder, bool reused) {
  const json run = read_run_json(folder);
  const json& s = run.at("summary");
  std::printf("test accuracy %.4f (loss %.4f) after %lld steps, %lld rounds%s\n", s.value("test_accuracy", 0.0),
              s.value("test_loss", 0.0), s.value("steps", 0ll), s.value("rounds", 0ll),
              reused ? " (done before, from the same code and settings)" : "");
  std::printf("%lld averages, %.1f MB a worker, %.2f %% of data-parallel's volume; %.0f images/s; parameters %s\n",
              s.value("averages", 0ll), s.value("averaged_bytes", 0.0) / 1e6, 100.0 * s.value("volume", 0.0),
              s.at("time").value("samples_per_second", 0.0), s.value("parameter_hash", "").c_str());
  std::printf("results: %s\n", folder.c_str());
}

TrainerResult run_all(const Config& config, const ImageTraining& training, std::unique_ptr<Recorder>& recorder) {
  std::optional<RunLock> lock;
  TrainerResult result;
  WorkerOptions options = training.workers;
  options.flight_folder = training.folder;
  const auto work = [&](Worker& worker) {
    TrainerFiles files;
    files.run_folder = training.folder;
    files.identity = identity(config, training);
    files.resume_from = choose_checkpoint(training, files.identity, worker);
    if (worker.rank() == 0) {
      recorder = files.resume_from
                     ? std::make_unique<Recorder>(training.folder, config, about(config, training),
                                                  files.resume_from->about.at("records").get<Recorder::Offsets>())
                     : std::make_unique<Recorder>(training.folder, config, about(config, training));
      files.recorder = recorder.get();
    }
    const TrainerResult own = train(training.options, training.schedule, worker, files);
    if (worker.rank() == 0 || training.environment) result = own;
  };
  if (training.is_first()) lock.emplace(training.folder);
  run_workers(options, training.environment, work);
  return result;
}

/// Runs, and leaves the status in the results folder.
int run_here(const Config& config, const ImageTraining& training) {
  std::unique_ptr<Recorder> recorder;
  TrainerResult result;
  try {
    result = run_all(config, training, recorder);
  } catch (const Diverged& error) {
    if (recorder) recorder->finish("diverged", error.what());
    throw Diverged(std::string(error.what()) + "; what was measured until then is in " + training.folder.string());
  } catch (const Interrupted& error) {
    if (recorder) recorder->finish("interrupted", "signal " + std::to_string(error.signal));
    throw;
  } catch (const std::exception& error) {
    if (recorder) recorder->finish("failed", error.what());
    throw;
  }
  for (const std::string& fault : unfired_faults())
    std::fprintf(stderr, "fault that never happened: %s\n", fault.c_str());
  const int restart = static_cast<int>(ExitCode::restart);
  if (!recorder) return result.finished ? 0 : restart;
  recorder->describe("summary", summary(training, result));
  if (!result.finished) {
    recorder->finish("interrupted", result.stop_reason);
    std::fprintf(stderr, "quasar: saved at step %lld (%s); the same command goes on from there\n",
                 static_cast<long long>(result.position.step), result.stop_reason.c_str());
    return restart;
  }
  recorder->finish("done");
  print_summary(training.folder, false);
  if (recorder->dropped_lines().empty()) return 0;
  for (const auto& [series, lines] : recorder->dropped_lines())
    std::fprintf(stderr, "quasar: %lld records of %s could not be written\n", static_cast<long long>(lines),
                 series.c_str());
  return static_cast<int>(ExitCode::logs_incomplete);
}

}  // namespace

ImageTrainingPlan plan_images(const Config& config) {
  const ImageTraining training = ImageTraining::read(config);
  const auto objective = make_image_objective(training.options.task);
  const OptimizerOptions& optimizer = training.options.local_sgd.optimizer;
  Optimizer state(optimizer, objective->parameters(), 0);
  std::int64_t worker_bytes = static_cast<std::int64_t>(objective->parameters().nbytes());
  if (objective->buffers().defined()) worker_bytes += static_cast<std::int64_t>(objective->buffers().nbytes());
  state.visit_state([&](const char*, const at::Tensor& t) { worker_bytes += static_cast<std::int64_t>(t.nbytes()); });
  const auto average_bytes = static_cast<std::int64_t>(objective->parameters().nbytes());
  // Every worker's state, the start of the round and the average by name.
  return {training.schedule,    objective->parameters().numel(),
          average_bytes,        training.num_workers * worker_bytes + 2 * average_bytes,
          training.num_workers, training.steps_per_epoch};
}

int train_images(const Config& config, const RunArguments& arguments) {
  const ImageTraining training = ImageTraining::read(config);
  if (arguments.dry_run) {
    std::printf("would train into %s with\n\n%s", training.folder.c_str(), config.resolved().c_str());
    return 0;
  }
  if (is_reusable_run(training.folder)) {
    if (training.is_first()) print_summary(training.folder, true);
    return 0;
  }
  if (training.processes > 0 && !training.environment) {
    std::vector<std::string> command = {"/proc/self/exe", "train", arguments.file};
    command.insert(command.end(), arguments.overrides.begin(), arguments.overrides.end());
    return launch_processes(training.processes, command, training.launch);
  }
  catch_usr1();
  keep_freed_memory();
  return run_here(config, training);
}

}  // namespace quasar
