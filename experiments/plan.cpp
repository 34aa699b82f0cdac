// quasar plan: what a training schedule will do, without doing it.

#include <algorithm>
#include <cstdio>
#include <iostream>

#include <nlohmann/json.hpp>

#include "core/training_schedule.h"
#include "experiments/commands.h"
#include "experiments/other_keys.h"

namespace quasar {
namespace {

struct Plan {
  std::int64_t total_steps;
  std::vector<std::int64_t> periods;

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
  const nlohmann::json json = {{"rounds", plan.periods.size()},
                               {"volume_percent", plan.volume_percent()},
                               {"total_steps", plan.total_steps},
                               {"last_period", plan.periods.back()},
                               {"longest_period", plan.longest()},
                               {"sum_of_periods", plan.sum()},
                               {"sum_of_squared_periods", static_cast<std::int64_t>(plan.sum_of_squares())},
                               {"periods", plan.periods}};
  std::cout << json.dump() << "\n";
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

void plan_command(const RunArguments& arguments, bool json) {
  const Config config = Config::from_file(arguments.file, arguments.overrides);
  const TrainingSchedule schedule = TrainingSchedule::read(config);
  using namespace other_keys;
  for (const auto& keys : {kRun, kSde, kEnsemble, kTrain, kLandscape, kNetwork}) config.ignore(keys);
  config.finish();
  const Plan plan{schedule.total_steps, schedule.periods()};
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
  print_periods(plan, schedule.learning_rate);
}

}  // namespace quasar
