#include "distributed/local_sgd/local_sgd.h"

#include <cmath>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "core/fault_plan.h"
#include "tests/distributed/training_fixture.h"

namespace quasar {
namespace {

using Objectives = std::vector<std::unique_ptr<Objective>>;
using Make = std::function<std::unique_ptr<Objective>()>;

/// What LocalSgd leaves behind on worker 0.
struct Trained {
  at::Tensor parameters;
  TrainingPosition position;
  Account account;
  std::vector<StateField> state;
  std::vector<std::int64_t> periods, batches;
};

Trained train_locally(const SmallRun& run, int in_turn = 1, const Make& make = {}) {
  Trained result;
  WorkerOptions workers;
  workers.count = run.workers;
  workers.check_collectives = false;
  workers.node_size = run.node_size;
  run_workers(workers, [&](Worker& worker) {
    Objectives locals;
    for (int i = 0; i < in_turn; ++i) locals.push_back(make ? make() : run.task.make_objective());
    LocalSgd training(run.options.local_sgd, run.schedule, worker, std::move(locals));
    Trained own;
    while (!training.done()) {
      training.step(false);
      if (!training.round_is_over()) continue;
      own.periods.push_back(training.position().period());
      own.batches.push_back(training.position().local_batch);
      training.end_round(false);
    }
    if (worker.rank() != 0) return;
    own.parameters = training.local(0).parameters().clone();
    own.position = training.position();
    own.account = worker.account(Purpose::training);
    for (const StateField& field : training.state())
      own.state.push_back({field.name, field.tensor.clone(), field.shared});
    result = std::move(own);
  });
  return result;
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  return at::norm(a - b).item<double>() / at::norm(a).item<double>();
}

SmallRun double_precision(SmallRun run) {
  run.task.precision = NetworkPrecision::float64;
  return run;
}

TEST(LocalSgdIdentities, PeriodOneEqualsDataParallelForSgdAndNotForAdamW) {  // E1
  SmallRun local = double_precision(SmallRun("mlp", 20, 1)), parallel = local;
  parallel.make_parallel();
  EXPECT_LT(distance(train_locally(local).parameters, train_locally(parallel).parameters), 1e-12);
  for (SmallRun* run : {&local, &parallel}) {
    run->options.local_sgd.optimizer.kind = AdamW{};
    run->schedule.learning_rate.peak = 0.01;
  }
  EXPECT_GT(distance(train_locally(local).parameters, train_locally(parallel).parameters), 1e-4);
}

TEST(LocalSgdIdentities, OneWorkerIsThePlainOptimizerBitForBitWhateverThePeriod) {  // E2
  SmallRun run("cnn", 15, 4);
  run.workers = 1;
  const at::Tensor plain = train_plainly(run.task, run.options.local_sgd, run.schedule);
  for (const std::int64_t period : {1, 4, 15}) {
    run.schedule.sync.rule = sync_rules::Constant{period};
    EXPECT_TRUE(train_locally(run).parameters.equal(plain)) << "H = " << period;
  }
}

/// All workers see worker 0's batches.
class SameData final : public Objective {
 public:
  explicit SameData(std::unique_ptr<Objective> own) : own_(std::move(own)) {}
  BatchResult add_gradient(const BatchName& name) override {
    BatchName same = name;
    same.worker = 0;
    return own_->add_gradient(same);
  }
  at::Tensor& parameters() override { return own_->parameters(); }
  at::Tensor& gradient() override { return own_->gradient(); }
  std::int64_t decayed() const override { return own_->decayed(); }

 private:
  std::unique_ptr<Objective> own_;
};

TEST(LocalSgdIdentities, EqualDataOnAllWorkersMakesAveragingChangeNothing) {  // E3
  SmallRun often("mlp", 24, 2), never = often;
  never.schedule.sync.rule = sync_rules::Swap{};
  const auto make = [&] { return std::make_unique<SameData>(often.task.make_objective()); };
  // Halving the sum of two equal numbers is exact.
  EXPECT_TRUE(train_locally(often, 1, make).parameters.equal(train_locally(never, 1, make).parameters));
  EXPECT_GT(distance(train_locally(often).parameters, train_locally(never).parameters), 1e-4) << "could not fail";
}

TEST(LocalSgdIdentities, SlowMoWithoutMomentumIsPlainAveraging) {  // E5
  const SmallRun plain = double_precision(SmallRun("mlp", 24, 4));
  SmallRun slow = plain, real = plain;
  slow.options.local_sgd.outer.kind = SlowMo{.beta = 0.0, .alpha = 1.0};
  real.options.local_sgd.outer.kind = SlowMo{.beta = 0.5, .alpha = 1.0};
  const at::Tensor expected = train_locally(plain).parameters;
  EXPECT_LT(distance(expected, train_locally(slow).parameters), 1e-12);
  EXPECT_GT(distance(expected, train_locally(real).parameters), 1e-3);
}

TEST(LocalSgdIdentities, WorkersInTurnEqualWorkersSideBySide) {
  SmallRun run = double_precision(SmallRun("cnn", 12, 4));
  run.workers = 4;
  const Trained side_by_side = train_locally(run);
  run.workers = 2;
  EXPECT_LT(distance(side_by_side.parameters, train_locally(run, 2).parameters), 1e-11);
  run.workers = 1;
  const Trained in_turn = train_locally(run, 4);
  EXPECT_LT(distance(side_by_side.parameters, in_turn.parameters), 1e-11);
  EXPECT_EQ(in_turn.position.samples, side_by_side.position.samples);
  EXPECT_EQ(in_turn.position.bytes, side_by_side.position.bytes);
  EXPECT_EQ(in_turn.position.collectives, side_by_side.position.collectives);
  EXPECT_GT(distance(side_by_side.parameters, train_locally(run, 3).parameters), 1e-3) << "could not fail";
}

TEST(LocalSgdIdentities, NodesOfTwoAreWorkersWithTwiceTheBatch) {
  SmallRun nodes = double_precision(SmallRun("mlp", 24, 6));
  nodes.workers = 4;
  nodes.node_size = 2;
  nodes.options.local_sgd.hierarchical = true;
  SmallRun large = double_precision(SmallRun("mlp", 24, 6));
  large.options.local_sgd.local_batch_size = 16;
  const at::Tensor expected = train_locally(large).parameters;
  EXPECT_LT(distance(train_locally(nodes).parameters, expected), 1e-12);
  nodes.options.local_sgd.hierarchical = false;
  EXPECT_GT(distance(train_locally(nodes).parameters, expected), 1e-3) << "could not fail";
}

TEST(LocalSgdAccount, CountsOneAverageARoundOfTheWholeScheduleAndItsBytes) {  // E13, D5
  SmallRun run("mlp", 40);
  run.schedule.learning_rate = {
      .decay = lr_decay::Cosine{}, .peak = 0.1, .final = 0.01, .warmup_steps = 6, .total_steps = 40};
  run.schedule.sync = {.rule = sync_rules::Power{0.15, 2.0, 2}, .warmup_steps = 6, .total_steps = 40, .switch_step = 5};
  const Trained trained = train_locally(run);
  const auto periods = run.schedule.periods();
  EXPECT_EQ(trained.periods, periods);
  EXPECT_GT(*std::max_element(periods.begin(), periods.end()), 3) << "the schedule should grow";
  EXPECT_EQ(trained.account.collectives, static_cast<std::int64_t>(periods.size()));
  EXPECT_EQ(trained.account.bytes,
            trained.account.collectives * static_cast<std::int64_t>(trained.parameters.nbytes()));
  EXPECT_EQ(trained.position.collectives, trained.account.collectives);
  EXPECT_EQ(trained.position.bytes, trained.account.bytes);
  EXPECT_EQ(trained.position.step, 40);
  EXPECT_EQ(trained.position.samples, 40 * 2 * 8);
}

TEST(LocalSgdAccount, SlowTimeIsThatOfTheEffectiveLearningRate) {
  SmallRun run("mlp", 10, 2);
  run.schedule.learning_rate.peak = 0.1;
  run.options.local_sgd.optimizer.kind = Sgd{.momentum = 0.8};
  EXPECT_NEAR(train_locally(run).position.slow_time, 10 * 0.5 * 0.5, 1e-12);  // eta_eff = 0.1 / (1 - 0.8)
  run.options.local_sgd.optimizer.kind = AdamW{};
  EXPECT_NEAR(train_locally(run).position.slow_time, 10 * 0.1 * 0.1, 1e-12);
}

at::Tensor field(const Trained& trained, const std::string& name) {
  for (const StateField& f : trained.state)
    if (f.name == name) return f.tensor;
  return {};
}

TEST(AveragingPolicyOf, MomentumIsKeptAveragedOrReset) {
  SmallRun run("mlp", 8, 4);
  const auto momentum_after = [&](AtAverage action) {
    run.options.local_sgd.averaging.momentum = action;
    return field(train_locally(run), "worker-0.momentum");
  };
  const at::Tensor kept = momentum_after(AtAverage::keep), averaged = momentum_after(AtAverage::average);
  EXPECT_EQ(at::norm(momentum_after(AtAverage::reset)).item<double>(), 0.0);  // the last step ends in an average
  EXPECT_GT(distance(kept, averaged), 1e-2);
  EXPECT_GT(at::norm(kept).item<double>(), at::norm(averaged).item<double>()) << "averaging removes the workers' noise";
}

TEST(AveragingPolicyOf, BatchNormStatisticsArePooledWithTheVarianceOfTheMeans) {
  SmallRun run("cnn", 8, 4);
  const auto buffers_after = [&](BatchNormPolicy policy) {
    run.options.local_sgd.averaging.batch_norm = policy;
    return field(train_locally(run), "worker-0.buffers");
  };
  const at::Tensor kept = buffers_after(BatchNormPolicy::keep), averaged = buffers_after(BatchNormPolicy::average),
                   pooled = buffers_after(BatchNormPolicy::pooled);
  const std::int64_t half = kept.numel() / 2;
  EXPECT_GT(distance(kept, averaged), 1e-4);
  EXPECT_GT((pooled - averaged).slice(0, half).min().item<double>(), -1e-6) << "pooling never lowers a variance";
  EXPECT_GT((pooled - averaged).slice(0, half).max().item<double>(), 1e-5);
}

TEST(LocalSgdClipping, LocalAndGlobalNormsAreClippedWhereTheyBelong) {
  SmallRun run("mlp", 10, 5);
  run.options.local_sgd.optimizer.kind = Sgd{};
  run.options.local_sgd.clip_norm = 0.01;
  run.options.local_sgd.clip_scope = ClipScope::local;
  const at::Tensor start = train_locally(SmallRun("mlp", 0)).parameters;
  const Trained local = train_locally(run);
  EXPECT_EQ(local.position.clipped, 10);
  // Ten steps of length eta c at most.
  EXPECT_LE(at::norm(local.parameters - start).item<double>(), 10 * 0.05 * 0.01 * (1 + 1e-5));
  run.make_parallel();
  const at::Tensor clipped_first = train_locally(run).parameters;
  run.options.local_sgd.clip_scope = ClipScope::global_where_averaged;
  const at::Tensor clipped_last = train_locally(run).parameters;
  EXPECT_GT(distance(clipped_first - start, clipped_last - start), 1e-2);
  EXPECT_LE(at::norm(clipped_last - start).item<double>(), 10 * 0.05 * 0.01 * (1 + 1e-5));
}

TEST(LocalSgdAccumulation, MicroBatchesGiveTheGradientOfTheWholeBatch) {
  SmallRun whole = double_precision(SmallRun("mlp", 12, 3)), micro = whole;
  micro.task.micro_size = 3;  // 8 = 3 + 3 + 2
  EXPECT_LT(distance(train_locally(whole).parameters, train_locally(micro).parameters), 1e-12);
}

TEST(LocalSgdNormTest, BatchesGrowAndTheScheduleCountsSamples) {
  SmallRun run("mlp", 60, 2);
  run.options.local_sgd.optimizer.kind = Sgd{};
  run.options.local_sgd.norm_test = NormTest{.tolerance = 0.6, .max_local_size = 32};
  const Trained trained = train_locally(run);
  EXPECT_TRUE(std::is_sorted(trained.batches.begin(), trained.batches.end()));
  EXPECT_EQ(trained.batches.front(), 8);
  EXPECT_GT(trained.batches.back(), 8);
  EXPECT_LE(trained.batches.back(), 32);
  const std::int64_t wanted = 60 * 2 * 8;
  EXPECT_GE(trained.position.samples, wanted);
  EXPECT_LT(trained.position.samples, wanted + 2 * 32);
  EXPECT_LT(trained.position.step, 60) << "larger batches need fewer steps";
}

/// The gradients of some steps of worker 1 are replaced.
class Poisoned final : public Objective {
 public:
  Poisoned(std::unique_ptr<Objective> own, double poison, std::int64_t first, std::int64_t last)
      : own_(std::move(own)), poison_(poison), first_(first), last_(last) {}
  BatchResult add_gradient(const BatchName& name) override {
    BatchResult result = own_->add_gradient(name);
    if (name.worker == 1 && name.step >= first_ && name.step <= last_) own_->gradient().fill_(poison_);
    return result;
  }
  at::Tensor& parameters() override { return own_->parameters(); }
  at::Tensor& gradient() override { return own_->gradient(); }
  std::string name_of(std::int64_t offset) const override { return own_->name_of(offset); }

 private:
  std::unique_ptr<Objective> own_;
  double poison_;
  std::int64_t first_, last_;
};

Make poisoned(const SmallRun& run, double poison, std::int64_t first = 3, std::int64_t last = 3) {
  return [&run, poison, first, last] {
    return std::make_unique<Poisoned>(run.task.make_objective(), poison, first, last);
  };
}

const double kNan = std::nan("");

TEST(LocalSgdGuard, AWorkerThatIsNotFiniteStopsAllBeforeTheAverage) {  // N1
  SmallRun run("mlp", 24, 8);
  try {
    train_locally(run, 1, poisoned(run, kNan));
    FAIL() << "trained on";
  } catch (const Diverged& error) {
    EXPECT_THAT(error.what(),
                testing::AllOf(testing::HasSubstr("worker 1"), testing::HasSubstr("weight"),
                               testing::HasSubstr("after step 8"), testing::HasSubstr("nothing was averaged")));
  }
  run.make_parallel();
  EXPECT_THROW(train_locally(run, 1, poisoned(run, kNan)), Diverged);
}

TEST(LocalSgdGuard, ASkippedStepIsOneWithoutGradientOnTheWorkerThatHasIt) {  // N1
  SmallRun run("mlp", 24, 8);
  run.options.local_sgd.optimizer.kind = Sgd{};  // without momentum a step by a gradient of 0 is none
  run.options.local_sgd.on_nonfinite = OnNonfinite::skip;
  const Trained skipped = train_locally(run, 1, poisoned(run, kNan));
  EXPECT_EQ(skipped.position.skipped, 1);
  EXPECT_TRUE(skipped.parameters.equal(train_locally(run, 1, poisoned(run, 0.0)).parameters));
  EXPECT_GT(distance(skipped.parameters, train_locally(run).parameters), 1e-5) << "could not fail";
}

TEST(LocalSgdGuard, WhereGradientsAreAveragedAllWorkersSkipTheStep) {  // N1
  SmallRun run("mlp", 24, 8);
  run.make_parallel();
  run.options.local_sgd.on_nonfinite = OnNonfinite::skip;
  const Trained skipped = train_locally(run, 1, poisoned(run, kNan, 23, 23));
  EXPECT_EQ(skipped.position.skipped, run.workers);
  EXPECT_EQ(skipped.position.step, 24);
  SmallRun shorter = run;
  shorter.schedule.total_steps = 23;  // the same learning rates without the last step
  shorter.make_parallel();
  EXPECT_TRUE(skipped.parameters.equal(train_locally(shorter).parameters)) << "the momentum moved it";
}

TEST(LocalSgdGuard, BatchNormStatisticsOfASkippedStepAreForgotten) {
  SmallRun run("cnn", 6, 3);
  run.options.local_sgd.on_nonfinite = OnNonfinite::skip;
  set_fault_plan("nan@rank=1,step=2,site=before_local_step");
  const Trained trained = train_locally(run);
  EXPECT_EQ(trained.position.skipped, 1);
  for (const StateField& field : trained.state)
    EXPECT_TRUE(at::isfinite(field.tensor).all().item<bool>()) << field.name;
}

TEST(LocalSgdGuard, AWorkerThatSkipsForEverIsReported) {
  SmallRun run("mlp", 120, 60);
  run.options.local_sgd.on_nonfinite = OnNonfinite::skip;
  const auto is_reported = [&](int processes, int in_turn, std::int64_t last) {
    bool reported = false;
    run_workers({.count = processes, .check_collectives = false}, [&](Worker& worker) {
      Objectives locals;
      for (int i = 0; i < in_turn; ++i) locals.push_back(poisoned(run, kNan, 0, last)());
      LocalSgd training(run.options.local_sgd, run.schedule, worker, std::move(locals));
      for (; !training.done(); training.end_round(false))
        while (!training.round_is_over()) training.step(false);
      if (worker.rank() == 1 / in_turn) reported = training.saw_nonfinite_loss();  // where worker 1 is
    });
    return reported;
  };
  EXPECT_TRUE(is_reported(2, 1, 120));
  EXPECT_FALSE(is_reported(2, 1, 60)) << "it goes on before the limit";
  EXPECT_TRUE(is_reported(1, 3, 120)) << "though the one after it takes every step";
  EXPECT_FALSE(is_reported(1, 3, 60));
}

}  // namespace
}  // namespace quasar
