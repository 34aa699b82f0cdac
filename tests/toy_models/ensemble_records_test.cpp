#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "core/errors.h"
#include "core/interrupt.h"
#include "tests/toy_models/ensemble_for_tests.h"
#include "toy_models/ensemble.h"
#include "toy_models/quadratic.h"

namespace quasar {
namespace {

const Observable<1> kPosition = [](const auto& seen) { return seen.average[0]; };

EnsembleOptions options_with(std::int64_t replicas) {
  EnsembleOptions options;
  options.replicas = replicas;
  return options;
}

TEST(EnsembleRecords, AreMadeAtTheEndOfTheRoundThatReachesTheirTimeAndAtTheEnd) {
  // eta^2 = 0.01 and H = 7: rounds end at slow times 0.07, 0.14, ..., the last one at 1.
  const auto records = run_ensemble(Quadratic<1>{{1.0}, {1.0}}, Vec<1>(1.0), constant_schedule(0.1, 100, 7),
                                    options_with(64), {kPosition}, {0.0, 0.01, 0.02, 0.14, 0.15});
  ASSERT_EQ(records.size(), 5u);
  const std::int64_t steps[] = {0, 7, 14, 21, 100}, rounds[] = {0, 1, 2, 3, 15};
  for (std::size_t r = 0; r < 5; ++r) {
    EXPECT_EQ(records[r].step, steps[r]);
    EXPECT_EQ(records[r].round, rounds[r]);
    EXPECT_NEAR(records[r].slow_time, 0.01 * static_cast<double>(steps[r]), 1e-14);
    EXPECT_EQ(records[r].observables[0].count(), 64);
    EXPECT_EQ(records[r].left_domain, 0);
  }
  EXPECT_EQ(records[0].observables[0].mean(), 1.0);
  EXPECT_EQ(records[0].observables[0].variance(), 0.0);
}

TEST(EnsembleRecords, SlowTimeIsTheSumOfSquaredLearningRates) {
  TrainingSchedule schedule = constant_schedule(0.1, 40, 3);
  schedule.learning_rate.decay = lr_decay::Cosine{};
  double sum = 0.0;
  for (std::int64_t step = 0; step < 40; ++step)
    sum += schedule.learning_rate.at(step) * schedule.learning_rate.at(step);
  const auto records =
      run_ensemble(Quadratic<1>{{1.0}, {1.0}}, Vec<1>(1.0), schedule, options_with(1), {kPosition}, {});
  EXPECT_EQ(records.back().slow_time, sum);
}

TEST(EnsembleRecords, ProgressAndRecordsReachTheCallerOnTheWay) {
  std::vector<std::int64_t> progress, recorded;
  EnsembleCallbacks callbacks;
  callbacks.on_progress = [&](std::int64_t step) { progress.push_back(step); };
  callbacks.on_record = [&](const EnsembleRecord& record) { recorded.push_back(record.step); };
  run_ensemble(Quadratic<1>{{1.0}, {1.0}}, Vec<1>(1.0), constant_schedule(0.1, 100, 10), options_with(10), {kPosition},
               {0.5}, callbacks);
  EXPECT_EQ(recorded, (std::vector<std::int64_t>{50, 100}));
  EXPECT_EQ(progress, (std::vector<std::int64_t>{50, 100}));
}

TEST(EnsembleDivergence, IsThrownAfterTheRecordsHaveBeenHandedOver) {
  const Quadratic<1> steep{{30.0}, {1.0}};  // 1 - eta lambda = -2
  std::vector<EnsembleRecord> seen;
  EnsembleCallbacks callbacks;
  callbacks.on_record = [&](const EnsembleRecord& record) { seen.push_back(record); };
  try {
    run_ensemble(steep, Vec<1>(1.0), constant_schedule(0.1, 1000, 1), options_with(70), {kPosition}, {0.05, 5.0},
                 callbacks);
    FAIL() << "must diverge";
  } catch (const Diverged& error) {
    EXPECT_NE(std::string(error.what()).find("70 of 70 replicas (0, 1, 2, 3, 4, ...)"), std::string::npos)
        << error.what();
  }
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].step, 5);
  EXPECT_EQ(seen[0].left_domain, 0);
  EXPECT_EQ(seen[1].left_domain, 70);
  EXPECT_EQ(seen[1].observables[0].count(), 0);
}

TEST(EnsembleDivergence, ToleratedReplicasAreCountedAndLeftOut) {
  auto options = options_with(1000);
  options.max_bad_fraction = 1.0;
  // Noise of 4e5 s.d.: a replica leaves |x| <= 1e6 with probability 0.0124 in its only step.
  const auto records = run_ensemble(Quadratic<1>{{0.0}, {4e5}}, Vec<1>(0.0), constant_schedule(1.0, 1, 1), options,
                                    {[](const auto& seen) { return std::abs(seen.average[0]); }}, {});
  const auto left = records.back().left_domain;
  EXPECT_NEAR(static_cast<double>(left), 12.4, 4 * std::sqrt(12.4));
  EXPECT_GT(left, 0);
  EXPECT_EQ(records.back().observables[0].count(), 1000 - left);
}

TEST(EnsembleDivergence, ANanIsNotAveraged) {
  auto options = options_with(10);
  options.max_bad_fraction = 1.0;
  EnsembleRecord last;
  EnsembleCallbacks callbacks;
  callbacks.on_record = [&](const EnsembleRecord& record) { last = record; };
  EXPECT_THROW(run_ensemble(Quadratic<1>{{1.0}, {std::numeric_limits<double>::quiet_NaN()}}, Vec<1>(0.0),
                            constant_schedule(0.1, 3, 1), options, {kPosition}, {}, callbacks),
               Diverged);
  EXPECT_EQ(last.left_domain, 10);
  EXPECT_EQ(last.observables[0].count(), 0);
}

TEST(EnsembleOptions, ThatCannotBeUsedAreConfigErrors) {
  const auto run_with = [](auto change) {
    auto options = options_with(1);
    change(options);
    run_ensemble(Quadratic<1>{{1.0}, {1.0}}, Vec<1>(1.0), constant_schedule(0.1, 1, 1), options, {kPosition}, {});
  };
  EXPECT_THROW(run_with([](auto& o) { o.num_workers = 0; }), ConfigError);
  EXPECT_THROW(run_with([](auto& o) { o.num_workers = 65537; }), ConfigError);
  EXPECT_THROW(run_with([](auto& o) { o.replicas = 0; }), ConfigError);
  EXPECT_THROW(run_with([](auto& o) { o.threads = 0; }), ConfigError);
  EXPECT_THROW(run_with([](auto& o) { o.max_bad_fraction = -0.1; }), ConfigError);
}

TEST(EnsembleInterruptDeathTest, EndsTheRunBetweenRounds) {
  const auto interrupted_run = [] {
    catch_interrupts();
    EnsembleCallbacks callbacks;
    callbacks.on_record = [](const EnsembleRecord&) { std::raise(SIGINT); };
    auto options = options_with(100);
    options.threads = 2;
    try {
      run_ensemble(Quadratic<1>{{1.0}, {1.0}}, Vec<1>(1.0), constant_schedule(0.1, 1000, 1), options, {kPosition},
                   {1.0}, callbacks);
    } catch (const Interrupted& interrupted) {
      std::_Exit(interrupted.signal == SIGINT ? 42 : 1);
    }
  };
  EXPECT_EXIT(interrupted_run(), testing::ExitedWithCode(42), "");
}

}  // namespace
}  // namespace quasar
