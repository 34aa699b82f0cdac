// One quadratic with Gaussian noise, three ways: the trainer, the toy ensemble and the closed form.

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "distributed/local_sgd/local_sgd.h"
#include "tests/toy_models/ensemble_for_tests.h"
#include "toy_models/ensemble.h"
#include "toy_models/quadratic.h"

namespace quasar {
namespace {

constexpr int kWorkers = 4;
constexpr std::int64_t kReplicas = 20000, kSteps = 60;
constexpr std::uint64_t kSeed = 11;
constexpr double kRate = 0.05, kStart = 1.5;
const Quadratic<2> kBowl{.eigenvalue = {1.0, 4.0}, .noise_scale = {0.5, 1.0}};

/// The toy kernel's losses and draws, as a worker of the trainer sees them: all replicas in one flat buffer.
class NoisyBowl final : public Objective {
 public:
  BatchResult add_gradient(const BatchName& name) override {
    double* x = parameters_.data_ptr<double>();
    double* g = gradient_.data_ptr<double>();
    for (std::int64_t replica = 0; replica < kReplicas; ++replica) {
      float normal[4];
      // Two workers share a draw of four normals.
      normals({.seed = kSeed,
               .use = Use::toy_noise,
               .replica = static_cast<std::uint32_t>(replica),
               .step = static_cast<std::uint64_t>(name.step),
               .lane = static_cast<std::uint32_t>(name.worker / 2)},
              normal);
      double noise[2], own[2];
      for (int i = 0; i < 2; ++i) noise[i] = std::sqrt(double{kWorkers}) * normal[2 * (name.worker % 2) + i];
      kBowl.noisy_gradient(x + 2 * replica, noise, own);
      for (int i = 0; i < 2; ++i) g[2 * replica + i] += own[i];
    }
    return {};
  }
  at::Tensor& parameters() override { return parameters_; }
  at::Tensor& gradient() override { return gradient_; }

 private:
  at::Tensor parameters_ = at::full({2 * kReplicas}, kStart, at::kDouble);
  at::Tensor gradient_ = at::zeros({2 * kReplicas}, at::kDouble);
};

TrainingSchedule schedule_with(sync_rules::Phases phases) {
  TrainingSchedule schedule;
  schedule.total_steps = kSteps;
  schedule.learning_rate = {.decay = lr_decay::Linear{}, .peak = kRate, .final = 0.01, .total_steps = kSteps};
  schedule.sync = {.rule = std::move(phases), .total_steps = kSteps};
  return schedule;
}

/// (replicas, 2): the averages at the end, on two threads with two workers in turn each.
at::Tensor trained(const TrainingSchedule& schedule) {
  at::Tensor result;
  WorkerOptions workers;
  workers.count = 2;
  run_workers(workers, [&](Worker& worker) {
    std::vector<std::unique_ptr<Objective>> locals;
    for (int i = 0; i < 2; ++i) locals.push_back(std::make_unique<NoisyBowl>());
    LocalSgdOptions options;
    options.optimizer.kind = Sgd{};
    LocalSgd training(options, schedule, worker, std::move(locals));
    while (!training.done()) {
      training.step(false);
      if (training.round_is_over()) training.end_round(false);
    }
    if (worker.rank() == 0) result = training.local(0).parameters().clone().view({kReplicas, 2});
  });
  return result;
}

const TrainingSchedule kSchedule = schedule_with({{{0, 1}, {10, 7}, {40, 20}}});

TEST(Quadratic, TheTrainersMeanAndVarianceAreTheClosedForm) {  // E4
  const at::Tensor x = trained(kSchedule);
  for (int i = 0; i < 2; ++i) {
    double mean = kStart, variance = 0.0, one_workers = 0.0;
    for (std::int64_t step = 0; step < kSteps; ++step) {
      const double rate = kSchedule.learning_rate.at(step), factor = 1.0 - rate * kBowl.eigenvalue[i];
      const double noise = rate * rate * kBowl.noise_scale[i] * kBowl.noise_scale[i];
      mean *= factor;
      variance = factor * factor * variance + noise;
      one_workers = factor * factor * one_workers + kWorkers * noise;
    }
    const auto column = x.select(1, i);
    const double n = kReplicas, seen_mean = column.mean().item<double>(), seen = column.var().item<double>();
    EXPECT_NEAR(seen_mean, mean, 4 * std::sqrt(variance / n));
    EXPECT_NEAR(seen, variance, 4 * variance * std::sqrt(2.0 / n));
    EXPECT_GT(one_workers - variance, 100 * variance * std::sqrt(2.0 / n)) << "could not fail without the average";
  }
}

TEST(Quadratic, TheTrainerFollowsTheEnsembleReplicaByReplica) {  // E18
  const at::Tensor x = trained(kSchedule);
  EnsembleOptions options;
  options.num_workers = kWorkers;
  options.replicas = kReplicas;
  options.seed = kSeed;
  const auto averages = final_averages(kBowl, Vec<2>(kStart, kStart), kSchedule, options);
  ASSERT_EQ(x.size(0), static_cast<std::int64_t>(averages.size()));
  for (std::int64_t replica = 0; replica < x.size(0); ++replica)
    for (int i = 0; i < 2; ++i)
      ASSERT_NEAR(x[replica][i].item<double>(), averages[static_cast<std::size_t>(replica)][i], 1e-12) << replica;
}

}  // namespace
}  // namespace quasar
