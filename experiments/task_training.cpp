#include "experiments/task_training.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "core/build_info.h"
#include "core/errors.h"
#include "core/fault_plan.h"
#include "core/interrupt.h"
#include "core/run_lock.h"
#include "distributed/checkpoint/identity.h"
#include "distributed/engine/keep_memory.h"
#include "distributed/local_sgd/training_checkpoint.h"
#include "experiments/task_training_options.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json about(const Config& config, const TaskTraining& training) {
  json about = {
      {"command", "train"},
      {"system", "network"},
      {"kind", "training"},
      {"name", training.run.name},
      {"seed", training.run.seed},
      {"num_workers", training.num_workers},
      {"peers", training.workers.count},
      {"launched_by", training.environment ? training.environment->launcher : "threads"},
      {"averaging", training.options.local_sgd.averaging.to_json()},
      {"samples", training.task->sample_name()},
      {"units", {{"bytes", "of one worker's tensors"}, {"slow_time", "steps * learning_rate^2"}, {"time", "s"}}},
      {"config_hash", config.hash()}};
  if (training.options.local_sgd.optimizer.rate_factor() != 1.0)
    about["units"]["slow_time"] = "steps * (learning_rate / (1 - momentum))^2";
  about.update(training.task->about());
  return about;
}

json identity(const Config& config, const TaskTraining& training) {
  return {{"config_hash", config.hash()},
          {"data_hash", std::to_string(training.task->data_identity())},
          {"num_workers", training.num_workers},
          {"peers", training.workers.count},
          {"code", build_info().code_id}};
}

/// Ranks with other settings or data would average two runs into one: all of them end, and say where they differ.
void require_one_identity(const json& own, Worker& worker) {
  const std::vector<json> all = gather_reports(own, worker);
  for (std::size_t rank = 1; rank < all.size(); ++rank)
    for (const auto& [name, first, other] : compare_identity(all.front(), all[rank]))
      throw ConfigError("the ranks were not started alike: " + name + " is " + first + " on rank 0 and " + other +
                        " on rank " + std::to_string(rank) + "; give all of them the same settings and data");
}

/// Worker 0 chooses the checkpoint to go on from, and everybody opens the same.
std::optional<Checkpoint> choose_checkpoint(const TaskTraining& training, const json& own_identity, Worker& worker) {
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

json summary(const TaskTraining& training, const TrainerResult& result) {
  char hash[20];
  std::snprintf(hash, sizeof(hash), "%016llx", static_cast<unsigned long long>(result.parameter_hash));
  const double steps = static_cast<double>(std::max<std::int64_t>(1, result.position.step));
  json summary = {
      {"steps", result.position.step},
      {"rounds", result.position.round},
      {"samples", result.position.samples},
      {"parameter_hash", hash},
      {"averages", result.position.round},
      {"collectives", result.position.collectives},
      {"averaged_bytes", result.position.bytes},
      {"volume", static_cast<double>(result.position.bytes) / (steps * static_cast<double>(result.parameter_bytes))},
      {"skipped_steps", result.position.skipped},
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
  const json scores = training.task->scores(result.test);
  for (const auto& [name, score] : scores.items()) summary["test_" + name] = score;
  for (const auto& [split, samples] : result.skipped_samples) summary["skipped_samples"][split] = samples.size();
  return summary;
}

void print_summary(const fs::path& folder, bool reused) {
  const json run = read_run_json(folder);
  const json& s = run.at("summary");
  const double accuracy = s.value("test_accuracy", 0.0), loss = s.value("test_loss", 0.0);
  if (s.contains("test_perplexity"))
    std::printf("test loss %.4f nats a token (perplexity %.2f, accuracy %.4f)", loss, s.value("test_perplexity", 0.0),
                accuracy);
  else
    std::printf("test accuracy %.4f (loss %.4f)", accuracy, loss);
  std::printf(" after %lld steps, %lld rounds%s\n", s.value("steps", 0ll), s.value("rounds", 0ll),
              reused ? " (done before, from the same code and settings)" : "");
  std::printf("%lld averages, %.1f MB a worker, %.2f %% of data-parallel's volume; %.0f %s/s; parameters %s\n",
              s.value("averages", 0ll), s.value("averaged_bytes", 0.0) / 1e6, 100.0 * s.value("volume", 0.0),
              s.at("time").value("samples_per_second", 0.0), run.value("samples", "images").c_str(),
              s.value("parameter_hash", "").c_str());
  if (const auto skipped = s.value("skipped_steps", 0ll); skipped > 0)
    std::printf("%lld optimiser steps of single workers were left out, their gradients not being finite\n", skipped);
  if (const json skipped = s.value("skipped_samples", json()); skipped.is_object())
    std::printf("%lld damaged %s of train and %lld of test were skipped\n", skipped.value("train", 0ll),
                run.value("samples", "images").c_str(), skipped.value("test", 0ll));
  std::printf("results: %s\n", folder.c_str());
}

TrainerResult run_all(const Config& config, const TaskTraining& training, std::unique_ptr<Recorder>& recorder) {
  std::optional<RunLock> lock;
  TrainerResult result;
  WorkerOptions options = training.workers;
  options.flight_folder = training.folder;
  const json own_identity = identity(config, training);  // reads all data once
  const auto work = [&](Worker& worker) {
    require_one_identity(own_identity, worker);
    TrainerFiles files;
    files.run_folder = training.folder;
    if (worker.rank() == 0) files.identity = own_identity;
    files.resume_from = choose_checkpoint(training, files.identity, worker);
    if (worker.rank() == 0) {
      recorder = files.resume_from
                     ? std::make_unique<Recorder>(training.folder, config, about(config, training),
                                                  files.resume_from->about.at("records").get<Recorder::Offsets>())
                     : std::make_unique<Recorder>(training.folder, config, about(config, training));
      files.recorder = recorder.get();
    }
    const TrainerResult own = train(training.options, *training.task, training.schedule, worker, files);
    if (worker.rank() == 0 || training.environment) result = own;
  };
  if (training.is_first()) lock.emplace(training.folder);
  run_workers(options, training.environment, work);
  return result;
}

/// Runs, and leaves the status in the results folder.
int run_here(const Config& config, const TaskTraining& training) {
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

TaskPlan plan_of(const TaskTraining& training) {
  const auto network = training.task->make_undrawn_network();
  std::int64_t parameters = 0, buffers = 0;
  for (const at::Tensor& parameter : network->parameters()) parameters += parameter.numel();
  for (const at::Tensor& buffer : network->buffers()) buffers += buffer.numel();
  const auto type = training.task->precision == NetworkPrecision::float64 ? at::kDouble : at::kFloat;
  const at::Tensor values = at::empty({parameters}, at::dtype(type).device(at::kMeta));
  const auto average_bytes = static_cast<std::int64_t>(values.nbytes());
  std::int64_t worker_bytes = average_bytes + buffers * static_cast<std::int64_t>(values.element_size());
  Optimizer state(training.options.local_sgd.optimizer, values, 0);
  state.visit_state([&](const char*, const at::Tensor& t) { worker_bytes += static_cast<std::int64_t>(t.nbytes()); });
  // Every worker's state, the start of the round and the average by name.
  return {training.schedule,    parameters,
          average_bytes,        training.num_workers * worker_bytes + 2 * average_bytes,
          training.num_workers, training.steps_per_epoch};
}

/// Builds the network, at its start weights, the schedule and the first batch; what they are like is printed, and nothing
/// is written.
void try_out(const Config& config, const TaskTraining& training) {
  constexpr std::int64_t kTried = 2;  // samples whose loss is taken: a large network's batch may need another machine
  std::vector<std::unique_ptr<Objective>> objectives;
  objectives.push_back(training.task->make_objective());
  const auto& objective = objectives.front();
  if (!training.options.start_weights.empty())
    load_start_weights(training.options.start_weights, *training.task->make_evaluator(), objectives);
  const TaskPlan plan = plan_of(training);
  const std::int64_t batch = training.options.local_sgd.local_batch_size, tried = std::min(kTried, batch);
  const double loss = objective->add_gradient({0, 0, 0, training.num_workers, tried}).loss;
  const auto periods = training.schedule.periods();
  std::string shape = std::to_string(batch);
  for (const std::int64_t size : training.task->sample_shape()) shape += ", " + std::to_string(size);
  std::printf("%lld parameters, %.1f MB; %.1f MB a checkpoint of %d workers\n", static_cast<long long>(plan.parameters),
              static_cast<double>(plan.average_bytes) / 1e6, static_cast<double>(plan.checkpoint_bytes) / 1e6,
              plan.num_workers);
  std::printf("%lld steps in %zu rounds of %lld to %lld, %.2f epochs\n",
              static_cast<long long>(training.schedule.total_steps), periods.size(),
              static_cast<long long>(*std::min_element(periods.begin(), periods.end())),
              static_cast<long long>(*std::max_element(periods.begin(), periods.end())),
              static_cast<double>(training.schedule.total_steps) / plan.steps_per_epoch);
  std::printf("first batch (%s) of %s; loss %.4f on its first %lld\n", shape.c_str(),
              training.task->sample_name().c_str(), loss, static_cast<long long>(tried));
  if (!std::isfinite(loss) || !at::isfinite(objective->gradient()).all().item<bool>())
    throw Diverged("the loss or the gradient of the first batch is not finite, before any step was taken");
  std::printf("would train into %s with\n\n%s", training.folder.c_str(), config.resolved().c_str());
}

}  // namespace

TaskPlan plan_task(const Config& config) { return plan_of(TaskTraining::read(config)); }

fs::path training_folder(const Config& config) { return TaskTraining::read(config).folder; }

int train_task(const Config& config, const RunArguments& arguments) {
  TaskTraining training = TaskTraining::read(config);
  if (arguments.dry_run) {
    try_out(config, training);
    return 0;
  }
  if (is_reusable_run(training.folder)) {
    if (training.is_first()) print_summary(training.folder, true);
    return 0;
  }
  catch_usr1();
  if (training.processes > 0 && !training.environment) {
    if (const auto code = launch_processes(training.processes, training.launch)) return *code;
    training.place(config, launch_environment());  // one of the ranks, with the data that the launcher read
  }
  keep_freed_memory();
  return run_here(config, training);
}

}  // namespace quasar
