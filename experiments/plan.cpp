// quasar plan: what a training schedule will do, without doing it.

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <optional>

#include <nlohmann/json.hpp>

#include "core/errors.h"
#include "core/recorder.h"
#include "core/training_schedule.h"
#include "experiments/commands.h"
#include "experiments/other_keys.h"
#include "experiments/task_training.h"

namespace quasar {

bool trains_task(const Config& config) {
  return config.has("network.name") && config.text("network.name") != "tanh_mlp";
}

namespace {

struct Plan {
  std::int64_t total_steps;
  std::vector<std::int64_t> periods;
  std::optional<TaskPlan> task;
  std::optional<double> seconds;

  std::int64_t bytes() const { return static_cast<std::int64_t>(periods.size()) * task->average_bytes; }

  std::int64_t longest() const { return *std::max_element(periods.begin(), periods.end()); }
  double volume_percent() const {
    return 100.0 * static_cast<double>(periods.size()) / static_cast<double>(total_steps);
  }
  std::int64_t sum() const {
    std::int64_t total = 0;
    for (const auto period : periods) total += period;
    return total;
  }
  double sum_of_squares() const {
    double total = 0.0;
    for (const auto period : periods) total += static_cast<double>(period) * static_cast<double>(period);
    return total;
  }
};

void print_json(const Plan& plan) {
  nlohmann::json json = {{"rounds", plan.periods.size()},
                         {"volume_percent", plan.volume_percent()},
                         {"total_steps", plan.total_steps},
                         {"last_period", plan.periods.back()},
                         {"longest_period", plan.longest()},
                         {"sum_of_periods", plan.sum()},
                         {"sum_of_squared_periods", static_cast<std::int64_t>(plan.sum_of_squares())},
                         {"periods", plan.periods}};
  if (plan.task) {
    json["parameters"] = plan.task->parameters;
    json["averaged_bytes"] = plan.bytes();
    json["checkpoint_bytes"] = plan.task->checkpoint_bytes;
    json["epochs"] = static_cast<double>(plan.total_steps) / plan.task->steps_per_epoch;
  }
  if (plan.seconds) json["seconds"] = *plan.seconds;
  std::cout << json.dump() << "\n";
}

/// Time of the steps and of the averages, each as long as in an earlier run's account.
double predict_seconds(const Plan& plan, const std::string& measured) {
  const nlohmann::json run = read_run_json(measured);
  if (run.value("kind", "") != "training" || !run.contains("summary"))
    throw DataError("'" + measured + "' is no training run that has ended, and so has no speed to predict by");
  const nlohmann::json &summary = run.at("summary"), &time = summary.at("time");
  const double collectives = time.at("collective_seconds"), steps = summary.at("steps"),
               averages = summary.at("averages");
  const double a_step = (time.at("training_seconds").get<double>() - collectives) / steps;
  const double an_average = averages > 0 ? collectives / averages : 0.0;
  return a_step * static_cast<double>(plan.total_steps) + an_average * static_cast<double>(plan.periods.size());
}

void print_task(const Plan& plan) {
  const TaskPlan& task = *plan.task;
  std::printf("%lld parameters, K = %d: %.1f MB an average, %.1f MB a worker in all; checkpoint %.1f MB\n",
              static_cast<long long>(task.parameters), task.num_workers, static_cast<double>(task.average_bytes) / 1e6,
              static_cast<double>(plan.bytes()) / 1e6, static_cast<double>(task.checkpoint_bytes) / 1e6);
  std::printf("%.2f epochs of %.1f steps; longest gap between averages %.2f epochs\n",
              static_cast<double>(plan.total_steps) / task.steps_per_epoch, task.steps_per_epoch,
              static_cast<double>(plan.longest()) / task.steps_per_epoch);
}

/// Runs of equal H as one line each; long schedules show their first and last runs.
void print_periods(const Plan& plan, const LearningRateSchedule& learning_rate) {
  struct Run {
    std::int64_t first_step, period, rounds;
  };
  std::vector<Run> runs;
  std::int64_t step = 0;
  for (const auto period : plan.periods) {
    if (runs.empty() || runs.back().period != period) runs.push_back({step, period, 0});
    ++runs.back().rounds;
    step += period;
  }
  constexpr std::size_t kShown = 12;
  std::printf("\n%12s %14s %10s %10s\n", "first step", "learning rate", "H", "rounds");
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs.size() > 2 * kShown && i == kShown) {
      std::printf("%12s (%zu more values of H; --json lists every round)\n", "...", runs.size() - 2 * kShown);
      i = runs.size() - kShown;
    }
    std::printf("%12lld %14.6g %10lld %10lld\n", static_cast<long long>(runs[i].first_step),
                learning_rate.at(runs[i].first_step), static_cast<long long>(runs[i].period),
                static_cast<long long>(runs[i].rounds));
  }
}

}  // namespace

void plan_command(const RunArguments& arguments, bool json, const std::string& measured) {
  const Config config = Config::from_file(arguments.file, arguments.overrides, arguments.choice);
  Plan plan{};
  TrainingSchedule schedule;
  const bool of_task = trains_task(config);
  if (of_task && has_networks()) {
    plan.task = plan_task(config);
    schedule = plan.task->schedule;
  } else {
    schedule = TrainingSchedule::read(config);
    using namespace other_keys;
    for (const auto& keys : {kRun, kSde, kEnsemble, kTrain, kLandscapeSettings, kNetwork}) config.ignore(keys);
    config.ignore({"landscape.name"});
    if (of_task)  // the schedule alone
      for (const char* section : {"data", "network", "workers", "batch", "optimizer", "outer", "clip", "loss",
                                  "evaluate", "averaging", "norm_test", "record", "checkpoint", "study"})
        config.ignore({std::string(section) + ".*"});
    config.finish();
  }
  plan.total_steps = schedule.total_steps;
  plan.periods = schedule.periods();
  if (!measured.empty()) plan.seconds = predict_seconds(plan, measured);
  if (json) {
    print_json(plan);
    return;
  }
  std::printf("%lld steps in %zu rounds: communication volume %.4f %% of data-parallel (one average a round)\n",
              static_cast<long long>(plan.total_steps), plan.periods.size(), plan.volume_percent());
  std::printf("longest gap between averages %lld steps (%.2f %% of the run), last round %lld\n",
              static_cast<long long>(plan.longest()),
              100.0 * static_cast<double>(plan.longest()) / static_cast<double>(plan.total_steps),
              static_cast<long long>(plan.periods.back()));
  std::printf("sum of H %lld, sum of H^2 %.0f\n", static_cast<long long>(plan.sum()), plan.sum_of_squares());
  if (plan.task) print_task(plan);
  if (config.has("norm_test.tolerance"))
    std::printf("the norm test makes batches larger as it goes: steps, rounds and bytes are at most these\n");
  if (plan.seconds) std::printf("%.0f s of training, at the speed of %s\n", *plan.seconds, measured.c_str());
  print_periods(plan, schedule.learning_rate);
}

}  // namespace quasar
