#include "distributed/local_sgd/label_noise_trainer.h"

#include <cmath>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/errors.h"
#include "core/random.h"
#include "distributed/data/procedural_images.h"
#include "distributed/optimizers/optimizer.h"

namespace quasar {
namespace {

constexpr int kInputs = 196;

RegressionSet images(int count = 8, const std::vector<int>& classes = {0, 6}) {
  return make_regression_set(procedural_images(Split::train, 100), classes, count);
}

TrainingSchedule constant_schedule(std::int64_t steps, std::int64_t period, double rate = 0.02) {
  TrainingSchedule schedule;
  schedule.total_steps = steps;
  schedule.learning_rate = {.decay = lr_decay::Constant{}, .peak = rate, .total_steps = steps};
  schedule.sync = {.rule = sync_rules::Constant{period}, .total_steps = steps};
  return schedule;
}

TrainingSchedule qsr_schedule(std::int64_t steps) {
  TrainingSchedule schedule = constant_schedule(steps, 1, 0.05);
  schedule.learning_rate.decay = lr_decay::Cosine{};
  schedule.learning_rate.final = 0.005;
  schedule.sync.rule = sync_rules::Power{.coefficient = 0.05, .exponent = 2.0, .base_period = 2};
  return schedule;
}

struct Training {
  LabelNoiseTrainerResult result;
  std::vector<TrainingRecord> records;
  const at::Tensor& last() const { return records.back().parameters; }
};

Training run(LabelNoiseTrainerOptions options, const TrainingSchedule& schedule, const RegressionSet& data = images()) {
  options.check_collectives = false;
  const TanhMlp network(kInputs, 6, data.outputs);
  Training training;
  training.result = train_with_label_noise(options, schedule, network, data, network.start_parameters(3, at::kDouble),
                                           [&](const TrainingRecord& record) { training.records.push_back(record); });
  return training;
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

TEST(LocalSgd, PeriodOneEqualsGradientAveraging) {  // E1
  LabelNoiseTrainerOptions options{.num_workers = 4, .replicas = 2, .local_batch_size = 2, .label_noise = 0.5};
  for (const double momentum : {0.0, 0.9}) {
    options.momentum = momentum;
    const TrainingSchedule local = constant_schedule(60, 1, 0.01);
    TrainingSchedule parallel = local, long_rounds = constant_schedule(60, 20, 0.01);
    parallel.sync.switch_step = parallel.total_steps;
    const Training a = run(options, local), b = run(options, parallel), other = run(options, long_rounds);
    EXPECT_LT(largest_difference(a.last(), b.last()), 1e-12);
    EXPECT_GT(largest_difference(a.last(), other.last()), 1e-6) << "the comparison could not fail";
  }
}

TEST(LocalSgd, OneWorkerIsPlainSgdBitForBitWhateverThePeriod) {  // E2
  const RegressionSet data = images();
  const TanhMlp network(kInputs, 6, 1);
  at::Tensor parameters = network.start_parameters(3, at::kDouble);
  Optimizer optimizer({Sgd{}}, parameters, 0);
  for (int step = 0; step < 50; ++step) {
    const Draw choice{.seed = 7, .use = Use::sample_choice, .replica = 0, .step = static_cast<std::uint64_t>(step)};
    Draw sign = choice;
    sign.use = Use::label_noise;
    const auto sample = uniform_below(words(choice).w[0], 8);
    const double target = data.targets[sample] + ((words(sign).w[0] & 1u) != 0 ? 0.5 : -0.5);
    const at::Tensor input = at::empty({1, 1, kInputs}, at::kDouble);
    std::copy_n(data.inputs.begin() + sample * kInputs, kInputs, input.data_ptr<double>());
    const at::Tensor leaf = parameters.clone().requires_grad_(true);
    const at::Tensor loss = (network.forward(network.views(leaf, 1), input) - target).square().sum() * 0.5;
    torch::autograd::backward({loss}, {});
    optimizer.step(parameters, leaf.grad(), 0.02);
  }
  for (const std::int64_t period : {1, 7, 50}) {
    const Training local = run({.num_workers = 1, .label_noise = 0.5, .seed = 7}, constant_schedule(50, period));
    EXPECT_TRUE(local.last()[0].equal(parameters)) << "H = " << period;
  }
}

TEST(LocalSgd, EqualDataOnAllWorkersMakeAveragingInvisible) {  // E3
  const Training four = run({.num_workers = 4}, constant_schedule(40, 5), images(1));
  const Training one = run({.num_workers = 1}, constant_schedule(40, 5), images(1));
  EXPECT_TRUE(four.last().equal(one.last()));
  for (const TrainingRecord& record : four.records) EXPECT_EQ(record.dispersion[0], 0.0);
}

TEST(LocalSgd, CollectivesAreTheSchedulesOwnRounds) {  // D5
  for (const bool post_local : {false, true}) {
    TrainingSchedule schedule = qsr_schedule(300);
    if (post_local) schedule.sync.switch_step = 100;
    const auto periods = schedule.periods();
    const Training local = run({.num_workers = 2, .replicas = 2, .label_noise = 0.5, .records = 4}, schedule);
    const auto rounds = static_cast<std::int64_t>(periods.size());
    EXPECT_GT(periods.back(), 10) << "the schedule is too plain to test anything";
    EXPECT_EQ(local.result.rounds, rounds);
    EXPECT_EQ(local.result.account.collectives, rounds);
    EXPECT_EQ(local.result.account.bytes, rounds * 2 * TanhMlp(kInputs, 6, 1).parameter_count() * 8);
    // One for the common start, one for the dispersion of each record.
    EXPECT_EQ(local.result.measurements.collectives, 1 + static_cast<std::int64_t>(local.records.size()));
    EXPECT_DOUBLE_EQ(local.records.back().volume, rounds / 300.0);
  }
}

TEST(LocalSgd, RecordsEndRoundsAtOrAfterEquallySpacedSteps) {
  const Training local = run({.num_workers = 2, .label_noise = 0.5, .records = 5}, constant_schedule(103, 10));
  std::vector<std::int64_t> steps, periods;
  for (const TrainingRecord& record : local.records) {
    steps.push_back(record.step);
    periods.push_back(record.period);
    EXPECT_NEAR(record.slow_time, static_cast<double>(record.step) * 0.02 * 0.02, 1e-12);
  }
  EXPECT_THAT(steps, testing::ElementsAre(0, 30, 50, 70, 90, 103));
  EXPECT_THAT(periods, testing::ElementsAre(10, 10, 10, 10, 10, 3));
}

TEST(LocalSgd, ThreadsGiveTheSameBitsTwice) {
  const LabelNoiseTrainerOptions options{.num_workers = 4, .replicas = 3, .local_batch_size = 2, .label_noise = 0.5};
  const Training a = run(options, qsr_schedule(200)), b = run(options, qsr_schedule(200));
  EXPECT_EQ(a.result.parameter_hash, b.result.parameter_hash);
  LabelNoiseTrainerOptions other = options;
  other.seed = 2;
  EXPECT_NE(a.result.parameter_hash, run(other, qsr_schedule(200)).result.parameter_hash);
}

TEST(LocalSgd, ReplicasTogetherEqualReplicasAlone) {
  LabelNoiseTrainerOptions options{.num_workers = 2, .replicas = 3, .local_batch_size = 5, .label_noise = 0.5};
  const RegressionSet data = images(12, {0, 3, 6});
  const Training together = run(options, constant_schedule(60, 10), data);
  options.replicas = 1;
  for (int replica = 0; replica < 3; ++replica) {
    options.first_replica = replica;
    const Training alone = run(options, constant_schedule(60, 10), data);
    EXPECT_LT(largest_difference(together.last()[replica], alone.last()[0]), 1e-12);
    EXPECT_NEAR(together.records[1].dispersion[replica], alone.records[1].dispersion[0], 1e-12);
  }
  EXPECT_GT(largest_difference(together.last()[0], together.last()[1]), 1e-3) << "the replicas share their noise";
}

TEST(LocalSgd, DispersionOfOneRoundHasTheVarianceOfTheNoise) {
  // After one step theta_k = theta - eta g_k: E sum_k |theta_k - mean|^2 / K = (1 - 1/K) eta^2 tr Cov(g). K = 4.
  constexpr int kReplicas = 400;
  constexpr double kRate = 0.02, kDelta = 0.5;
  const RegressionSet data = images();
  const Training local = run({.num_workers = 4, .replicas = kReplicas, .label_noise = kDelta, .records = 1},
                             constant_schedule(1, 1, kRate));
  const TanhMlp network(kInputs, 6, 1);
  double mean_square = 0.0;
  at::Tensor mean = at::zeros({network.parameter_count()}, at::kDouble);
  for (int sample = 0; sample < data.count; ++sample) {
    const at::Tensor input = at::empty({1, 1, kInputs}, at::kDouble);
    std::copy_n(data.inputs.begin() + sample * kInputs, kInputs, input.data_ptr<double>());
    const at::Tensor leaf = network.start_parameters(3, at::kDouble).requires_grad_(true);
    const at::Tensor output = network.forward(network.views(leaf, 1), input);
    torch::autograd::backward({output}, {at::ones_like(output)});
    const double residual = output.item<double>() - data.targets[sample];
    const double square = leaf.grad().square().sum().item<double>();
    mean_square += (residual * residual + kDelta * kDelta) * square / data.count;
    mean += residual * leaf.grad() / data.count;
  }
  const double expected = 0.75 * kRate * kRate * (mean_square - mean.square().sum().item<double>());
  double sum = 0.0, sum_of_squares = 0.0;
  for (const double value : local.records.back().dispersion) sum += value, sum_of_squares += value * value;
  const double average = sum / kReplicas;
  const double error = std::sqrt((sum_of_squares / kReplicas - average * average) / kReplicas);
  EXPECT_NEAR(average, expected, 4 * error) << "s.e. " << error;
  EXPECT_GT(expected / 3, 4 * error) << "too few replicas to tell (1 - 1/K) from 1";
}

TEST(LocalSgd, DivergenceKeepsTheRecordsBeforeIt) {
  TrainingSchedule schedule = constant_schedule(40, 1);
  schedule.learning_rate.decay = lr_decay::Step{.steps = {20}, .factor = 1e200};
  std::vector<std::int64_t> steps;
  const TanhMlp network(kInputs, 6, 1);
  EXPECT_THROW(train_with_label_noise({.num_workers = 2, .check_collectives = false, .records = 40}, schedule, network,
                                      images(), network.start_parameters(3, at::kDouble),
                                      [&](const TrainingRecord& record) { steps.push_back(record.step); }),
               Diverged);
  ASSERT_FALSE(steps.empty());
  EXPECT_GE(steps.back(), 20);
  EXPECT_LT(steps.back(), 25);
}

TEST(LocalSgd, ErrorOfTheObserverEndsAllWorkers) {
  const TanhMlp network(kInputs, 6, 1);
  EXPECT_THROW(train_with_label_noise({.num_workers = 3}, constant_schedule(100000, 1000), network, images(),
                                      network.start_parameters(3, at::kDouble),
                                      [](const TrainingRecord& record) {
                                        if (record.step > 0) throw StorageError("disk full");
                                      }),
               StorageError);
}

TEST(LocalSgd, SinglePrecisionFollowsDoubleToItsRounding) {
  LabelNoiseTrainerOptions options{.num_workers = 2, .label_noise = 0.5};
  const Training exact = run(options, constant_schedule(50, 10));
  options.double_precision = false;
  const Training single = run(options, constant_schedule(50, 10));
  EXPECT_LT(largest_difference(exact.last(), single.last().to(at::kDouble)), 1e-5);
}

}  // namespace
}  // namespace quasar
