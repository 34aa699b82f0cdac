#include "toy_models/convex_local_sgd.h"

#include <cmath>
#include <cstdio>
#include <vector>

#include <gtest/gtest.h>

#include "core/errors.h"
#include "core/estimate.h"
#include "core/random.h"
#include "tests/peak_memory.h"
#include "tests/toy_models/convex_for_tests.h"

namespace quasar {
namespace {

using Kind = ConvexLoss::Kind;

/// One step of SGD as a textbook writes it.
Eigen::VectorXd sgd_step(const ConvexLoss& loss, const ConvexMethod& method, std::int64_t t, int worker,
                         double rate_factor, const Eigen::VectorXd& x) {
  const double eta = 4.0 / (loss.strong_convexity() * (method.shift + static_cast<double>(t)));
  Eigen::VectorXd g = loss.strong_convexity() * x;
  for (int j = 0; j < method.local_batch_size; ++j) {
    const Words random = words({method.seed, Use::sample_choice, 0, static_cast<std::uint64_t>(t),
                                static_cast<std::uint32_t>(worker), static_cast<std::uint32_t>(j)});
    const auto sample = uniform_below(random.w[0], random.w[1], static_cast<std::uint32_t>(loss.num_samples()));
    loss.add_row(sample, loss.slope(sample, x) / method.local_batch_size, g);
  }
  return x - rate_factor * eta * g;
}

TEST(ConvexLocalSgd, OneStepARoundIsMiniBatchSgd) {
  for (const bool sparse : {true, false}) {
    const ConvexLoss loss = random_convex_loss(Kind::logistic, 50, 5, 0.1, sparse);
    const ConvexMethod method{.num_workers = 6, .sync_period = 1, .local_batch_size = 2, .shift = 20.0, .seed = 4};
    ConvexLocalSgd local(loss, method);
    Eigen::VectorXd batch = Eigen::VectorXd::Zero(5), average = batch;
    double weights = 0.0;
    for (std::int64_t t = 0; t < 200; ++t) {
      local.advance();
      const double w = (20.0 + static_cast<double>(t)) * (20.0 + static_cast<double>(t));
      average += w * batch;
      weights += w;
      Eigen::VectorXd next = Eigen::VectorXd::Zero(5);
      for (int k = 0; k < 6; ++k) next += sgd_step(loss, method, t, k, 1.0, batch) / 6;
      batch = next;
    }
    EXPECT_LT((local.iterate() - batch).norm(), 1e-14);
    EXPECT_LT((local.average() - average / weights).norm(), 1e-14);
    EXPECT_EQ(local.gradients(), 200 * 6 * 2);
    EXPECT_EQ(local.rounds(), 200);
  }
}

TEST(ConvexLocalSgd, OneStepARoundHasTheBitsOfABatchOfAllWorkers) {
  // The batch is taken worker by worker: x - eta g of each part, then the mean.
  const ConvexLoss loss = random_convex_loss(Kind::ridge, 50, 5, 0.1, true);
  const ConvexMethod method{.num_workers = 4, .sync_period = 1, .local_batch_size = 3, .shift = 60.0, .seed = 4};
  ConvexLocalSgd local(loss, method);
  Eigen::VectorXd batch = Eigen::VectorXd::Zero(5);
  for (std::int64_t t = 0; t < 100; ++t) {
    local.advance();
    Eigen::VectorXd sum = Eigen::VectorXd::Zero(5);
    const double eta = 4.0 / (0.1 * (60.0 + static_cast<double>(t)));
    for (std::uint32_t k = 0; k < 4; ++k) {
      Eigen::VectorXd part = (1.0 - eta * 0.1) * batch;
      for (std::uint32_t j = 0; j < 3; ++j) {
        const Words random = words({4, Use::sample_choice, 0, static_cast<std::uint64_t>(t), k, j});
        const auto sample = uniform_below(random.w[0], random.w[1], 50);
        loss.add_row(sample, -eta / 3 * loss.slope(sample, batch), part);
      }
      sum += part;
    }
    batch = sum / 4;
    ASSERT_EQ(local.iterate(), batch) << "step " << t;
  }
}

TEST(ConvexLocalSgd, LocalStepsAreThoseOfWorkersThatMeetEveryHSteps) {
  const ConvexLoss loss = random_convex_loss(Kind::logistic, 50, 5, 0.1, true);
  const ConvexMethod method{.num_workers = 3, .sync_period = 7, .local_batch_size = 1, .shift = 20.0, .seed = 4};
  ConvexLocalSgd local(loss, method);
  std::vector<Eigen::VectorXd> workers(3, Eigen::VectorXd::Zero(5));
  for (std::int64_t t = 0; t < 70; ++t) {
    for (int k = 0; k < 3; ++k)
      workers[static_cast<std::size_t>(k)] = sgd_step(loss, method, t, k, 1.0, workers[static_cast<std::size_t>(k)]);
    if ((t + 1) % 7 != 0) continue;
    const Eigen::VectorXd mean = (workers[0] + workers[1] + workers[2]) / 3;
    workers.assign(3, mean);
    local.advance();
    EXPECT_LT((local.iterate() - mean).norm(), 1e-14);
  }
}

TEST(AsynchronousSgd, WithoutDelayIsSequentialSgd) {
  const ConvexLoss loss = random_convex_loss(Kind::logistic, 50, 5, 0.1, true);
  ConvexMethod method{.num_workers = 4, .shift = 20.0, .seed = 4, .asynchronous = true, .delay = WriteDelay::none};
  ConvexLocalSgd turns(loss, method);
  Eigen::VectorXd x = Eigen::VectorXd::Zero(5);
  for (std::int64_t t = 0; t < 100; ++t) {
    turns.advance();
    for (int k = 0; k < 4; ++k) x = sgd_step(loss, method, t, k, 0.25, x);  // a write counts 1/K
    EXPECT_LT((turns.iterate() - x).norm(), 1e-14);
  }
  method.num_workers = 1;
  for (const WriteDelay delay : {WriteDelay::none, WriteDelay::constant, WriteDelay::uniform}) {
    method.delay = delay;
    method.sync_period = 5;
    ConvexLocalSgd alone(loss, method);
    Eigen::VectorXd own = Eigen::VectorXd::Zero(5);
    for (std::int64_t t = 0; t < 100; ++t) {
      own = sgd_step(loss, method, t, 0, 1.0, own);
      if ((t + 1) % 5 == 0) alone.advance();
    }
    EXPECT_LT((alone.iterate() - own).norm(), 1e-13);
  }
}

TEST(AsynchronousSgd, DelayedReadsAreThoseOfWorkersThatComputeAtOnce) {
  // A constant delay of K - 1: each worker goes on from the aggregate as it was right after its own last write.
  const ConvexLoss loss = random_convex_loss(Kind::ridge, 50, 5, 0.1, true);
  const ConvexMethod method{.num_workers = 3, .sync_period = 4, .shift = 200.0, .seed = 4, .asynchronous = true};
  ConvexLocalSgd run(loss, method);
  Eigen::VectorXd aggregate = Eigen::VectorXd::Zero(5);
  std::vector<Eigen::VectorXd> read(3, aggregate);
  for (std::int64_t round = 0; round < 30; ++round) {
    for (std::size_t k = 0; k < 3; ++k) {
      Eigen::VectorXd x = read[k];
      for (std::int64_t h = 0; h < 4; ++h) x = sgd_step(loss, method, 4 * round + h, static_cast<int>(k), 1.0, x);
      aggregate += (x - read[k]) / 3;
      read[k] = aggregate;
    }
    run.advance();
    EXPECT_LT((run.iterate() - aggregate).norm(), 1e-13) << round;
  }
}

/// Gap of the average after T steps, and what bounds it.
struct Measured {
  double gap, bound;
};

Measured measure(const ConvexLoss& loss, const ConvexOptimum& optimum, const ConvexMethod& method, std::int64_t steps) {
  ConvexLocalSgd run(loss, method);
  double square = 0.0, variance = 0.0;
  while (run.step() < steps) {
    const double second = loss.mean_square_gradient(run.iterate());
    const double mean = loss.gradient(run.iterate()).squaredNorm();
    variance = std::max(variance, (second - mean) / method.local_batch_size);
    square = std::max(square, mean + (second - mean) / method.local_batch_size);
    run.advance();
  }
  return {loss.value(run.average()) - optimum.value,
          stich_bound(loss, method, run.step(), {optimum.x.squaredNorm(), variance, square})};
}

TEST(StichsBound, HoldsOnASmallProblem) {
  const ConvexLoss loss = random_convex_loss(Kind::logistic, 60, 5, 0.2, true);
  const ConvexOptimum optimum = minimize(loss);
  for (const int num_workers : {1, 8})
    for (const std::int64_t period : {1, 8}) {
      ConvexMethod method{.num_workers = num_workers, .sync_period = period, .seed = 2};
      method.shift = stich_shift(loss, period);
      const Measured measured = measure(loss, optimum, method, 4000);
      std::printf("K %d, H %d: gap %.2e, bound %.2e\n", num_workers, static_cast<int>(period), measured.gap,
                  measured.bound);
      EXPECT_GT(measured.gap, 0.0);
      EXPECT_LT(measured.gap, measured.bound);
    }
}

TEST(StichsBound, IsItsFormulaTermByTerm) {
  const ConvexLoss loss = random_convex_loss(Kind::ridge, 60, 5, 0.2, true);
  const ConvexMethod method{.num_workers = 3, .sync_period = 2, .shift = 10.0};
  double weights = 0.0;
  for (int t = 0; t < 50; ++t) weights += (10.0 + t) * (10.0 + t);
  EXPECT_NEAR(stich_bound(loss, method, 50, {1.0, 0.0, 0.0}), 0.2 * 1000 / (2 * weights), 1e-12);
  EXPECT_NEAR(stich_bound(loss, method, 50, {0.0, 1.0, 0.0}), 4 * 50.0 * 70 / (0.2 * 3 * weights), 1e-12);
  EXPECT_NEAR(stich_bound(loss, method, 50, {0.0, 0.0, 1.0}) / (256 * 50.0 * 4 * loss.smoothness() / (0.04 * weights)),
              1.0, 1e-12);
}

/// Mean gap of the average over some seeds.
Estimate mean_gap(const ConvexLoss& loss, double minimum, ConvexMethod method, std::int64_t steps) {
  RunningMoments moments;
  for (method.seed = 1; method.seed <= 250; ++method.seed) {
    ConvexLocalSgd run(loss, method);
    while (run.step() < steps) run.advance();
    moments.add(loss.value(run.average()) - minimum);
  }
  return moments.estimate();
}

TEST(WeightedAverage, ConvergesAsOneOverKTOnRidge) {
  const ConvexLoss loss = random_convex_loss(Kind::ridge, 60, 5, 0.2, true);
  const double minimum = minimize(loss).value;
  const ConvexMethod one{.num_workers = 1, .sync_period = 4, .shift = 100.0};
  std::vector<double> steps, gaps;
  for (const std::int64_t T : {2000, 4000, 8000, 16000}) {
    steps.push_back(static_cast<double>(T));
    gaps.push_back(mean_gap(loss, minimum, one, T).mean);
  }
  const double order = fit_order(steps, gaps).slope;
  std::printf("gap ~ T^%.3f\n", order);
  EXPECT_NEAR(order, -1.0, 0.15);  // each gap is known to some 5 %, and a/T tilts the line by 0.03
  ConvexMethod four = one;
  four.num_workers = 4;
  const Estimate of_four = mean_gap(loss, minimum, four, 8000), of_one = mean_gap(loss, minimum, one, 8000);
  const double ratio = of_one.mean / of_four.mean;
  const double error = ratio * std::hypot(of_one.standard_error / of_one.mean, of_four.standard_error / of_four.mean);
  std::printf("4 workers: %.2f +- %.2f times smaller\n", ratio, error);
  EXPECT_NEAR(ratio, 4.0, 4 * error);
  EXPECT_GT(ratio - 4 * error, 2.0) << "the test cannot tell from the square root of K";
}

// All iterates of the workers would be 512 x 200 x 100 numbers, 82 MB; those of a time are 0.4 MB.
TEST(ConvexLocalSgd, Keeps512WorkersInTheMemoryOfTheirIterates) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the address sanitizer keeps what is freed";
#endif
  constexpr std::int64_t kMost = 8 << 20;
  const ConvexLoss loss = random_convex_loss(Kind::logistic, 200, 100, 0.1, true);
  for (const bool asynchronous : {false, true}) {
    const std::int64_t before = most_memory_so_far();
    ConvexLocalSgd local(loss, {.num_workers = 512, .sync_period = 4, .shift = 20.0, .asynchronous = asynchronous});
    for (int round = 0; round < 50; ++round) local.advance();
    EXPECT_EQ(local.gradients(), 512 * 200);
    EXPECT_TRUE(local.average().allFinite());
    EXPECT_LT(most_memory_so_far() - before, kMost) << (asynchronous ? "asynchronous" : "synchronous");
  }
}

TEST(ConvexLocalSgd, RefusesImpossibleMethods) {
  const ConvexLoss loss = random_convex_loss(Kind::ridge, 10, 2, 0.2, true);
  EXPECT_THROW(ConvexLocalSgd(loss, {.num_workers = 0}), ConfigError);
  EXPECT_THROW(ConvexLocalSgd(loss, {.sync_period = 0}), ConfigError);
  EXPECT_THROW(ConvexLocalSgd(loss, {.shift = 3.0}), ConfigError);
}

}  // namespace
}  // namespace quasar
