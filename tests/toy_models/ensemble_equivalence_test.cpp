#include <gtest/gtest.h>

#include <cmath>

#include "tests/toy_models/ensemble_for_tests.h"
#include "toy_models/circle.h"
#include "toy_models/ensemble.h"
#include "toy_models/hyperbola.h"
#include "toy_models/quadratic.h"
#include "toy_models/valley.h"

namespace quasar {
namespace {

EnsembleOptions options_with(std::int64_t replicas, int num_workers = 3) {
  EnsembleOptions options;
  options.num_workers = num_workers;
  options.replicas = replicas;
  options.seed = 99;
  return options;
}

template <class Case>
class EnsembleEquivalence : public testing::Test {};

struct ValleyFloat {
  static constexpr Precision precision = Precision::float32;
  using Landscape = Valley;
};
struct ValleyDouble {
  static constexpr Precision precision = Precision::float64;
  using Landscape = Valley;
};
struct CircleFloat {
  static constexpr Precision precision = Precision::float32;
  using Landscape = Circle;
};
struct HyperbolaDouble {
  static constexpr Precision precision = Precision::float64;
  using Landscape = Hyperbola;
};
using Cases = testing::Types<ValleyFloat, ValleyDouble, CircleFloat, HyperbolaDouble>;
TYPED_TEST_SUITE(EnsembleEquivalence, Cases);

const Vec<2> kStart(1.1, 0.7);

TYPED_TEST(EnsembleEquivalence, ThreadsDoNotChangeABit) {
  const typename TypeParam::Landscape landscape{};
  const Observable<2> observable = [](const auto& seen) { return seen.projected[0] + seen.projected[1]; };
  const auto with_threads = [&](int threads) {
    auto options = options_with(500);
    options.precision = TypeParam::precision;
    options.threads = threads;
    return run_ensemble(landscape, kStart, constant_schedule(0.02, 100, 7), options, {observable}, {0.01, 0.02});
  };
  const auto one = with_threads(1);
  ASSERT_EQ(one.size(), 3u);
  for (const int threads : {2, 3}) {
    const auto many = with_threads(threads);
    ASSERT_EQ(many.size(), one.size());
    for (std::size_t r = 0; r < one.size(); ++r) {
      EXPECT_EQ(many[r].observables[0].mean(), one[r].observables[0].mean());
      EXPECT_EQ(many[r].observables[0].variance(), one[r].observables[0].variance());
      EXPECT_EQ(many[r].observables[0].count(), 500);
    }
  }
}

constexpr WorkerNoiseLaw kLaws[] = {WorkerNoiseLaw::gaussian, WorkerNoiseLaw::signs};

ToyNoise noise_of(WorkerNoiseLaw law) {
  if (law == WorkerNoiseLaw::signs) return toy_noise::LabelNoise{};
  return toy_noise::Gaussian{};
}

template <WorkerNoiseLaw Law, class TypeParam>
void expect_one_lane_to_give_the_bits_of_many() {
  const typename TypeParam::Landscape landscape{};
  using Real = std::conditional_t<TypeParam::precision == Precision::float32, float, double>;
  auto options = options_with(100);
  options.noise = noise_of(Law);
  options.precision = TypeParam::precision;
  const auto in_blocks = final_averages(landscape, kStart, constant_schedule(0.02, 50, 7), options);
  const std::vector<std::int64_t> periods{7, 7, 7, 7, 7, 7, 7, 1};
  const std::vector<Real> learning_rates(50, static_cast<Real>(0.02));
  const RoundsView<Real> rounds{0, periods.data(), 8, learning_rates.data()};
  for (std::uint32_t replica = 0; replica < 100; ++replica) {
    ReplicaBlock<2, Real, 1> alone{};
    for (int i = 0; i < 2; ++i) alone.average[i][0] = static_cast<Real>(kStart[i]);
    advance_rounds<1, 1, Law>(landscape, rounds, {options.seed, options.num_workers}, SingleDraws{}, replica, alone);
    for (int i = 0; i < 2; ++i) ASSERT_EQ(static_cast<double>(alone.average[i][0]), in_blocks[replica][i]);
  }
}

TYPED_TEST(EnsembleEquivalence, OneLaneAtATimeGivesTheBitsOfManyLanes) {
  expect_one_lane_to_give_the_bits_of_many<WorkerNoiseLaw::gaussian, TypeParam>();
  expect_one_lane_to_give_the_bits_of_many<WorkerNoiseLaw::signs, TypeParam>();
}

TYPED_TEST(EnsembleEquivalence, AReplicaDoesNotDependOnHowManyThereAre) {
  const typename TypeParam::Landscape landscape{};
  const auto schedule = constant_schedule(0.02, 50, 7);
  const auto few = final_averages(landscape, kStart, schedule, options_with(1000));
  auto many = final_averages(landscape, kStart, schedule, options_with(2000));
  EXPECT_NE(many[1000], many[0]);
  many.resize(1000);
  EXPECT_EQ(many, few);
}

TYPED_TEST(EnsembleEquivalence, FloatFollowsDouble) {
  const typename TypeParam::Landscape landscape{};
  auto options = options_with(100);
  const auto in_double = final_averages(landscape, kStart, constant_schedule(0.02, 200, 10), options);
  options.precision = Precision::float32;
  const auto in_float = final_averages(landscape, kStart, constant_schedule(0.02, 200, 10), options);
  for (std::size_t r = 0; r < 100; ++r) EXPECT_LT((in_float[r] - in_double[r]).norm(), 1e-5);
}

TEST(EnsembleNoise, WithALinearGradientTheAverageDoesNotDependOnWhereTheRoundsEnd) {
  const Quadratic<2> bowl{{2.0, 0.3}, {1.0, 0.5}};
  const auto every_step = final_averages(bowl, kStart, constant_schedule(0.05, 60, 1), options_with(100));
  const auto rarely = final_averages(bowl, kStart, constant_schedule(0.05, 60, 17), options_with(100));
  for (std::size_t r = 0; r < 100; ++r) EXPECT_LT((every_step[r] - rarely[r]).norm(), 1e-14);
}

TEST(EnsembleNoise, WorkersOfADrawAndOfDifferentDrawsAreIndependent) {
  // From 0 with eta = 1 and no pull, one step leaves the mean of K worker noises: variance s2 for every K, and a fourth
  // moment of 3 or, with signs, 3 - 2/K.
  for (const WorkerNoiseLaw law : kLaws)
    for (const int num_workers : {1, 2, 3, 4, 7, 8}) {
      const Quadratic<1> flat{{0.0}, {1.0}};
      auto options = options_with(20'000, num_workers);
      options.noise = noise_of(law);
      double variance = 0.0, fourth = 0.0;
      for (const auto& average : final_averages(flat, Vec<1>(0.0), constant_schedule(1.0, 1, 1), options)) {
        variance += std::pow(average[0], 2) / 20'000;
        fourth += std::pow(average[0], 4) / 20'000;
      }
      const double kurtosis = law == WorkerNoiseLaw::signs ? 3.0 - 2.0 / num_workers : 3.0;
      EXPECT_NEAR(variance, 1.0, 4 * std::sqrt((kurtosis - 1.0) / 20'000) + 1e-12) << num_workers;
      EXPECT_NEAR(fourth, kurtosis,
                  num_workers == 1 && law == WorkerNoiseLaw::signs ? 1e-12 : 4 * std::sqrt(96.0 / 20'000))
          << num_workers;
    }
}

TEST(EnsembleNoise, SignsOfStepsAndComponentsAreIndependent) {
  // Without pull the average after 70 steps is the sum of 70 signs: across the words of 32 steps, too.
  const Quadratic<2> flat{{0.0, 0.0}, {1.0, 1.0}};
  auto options = options_with(20'000, 1);
  options.noise = toy_noise::LabelNoise{};
  for (const int period : {70, 9}) {
    double variance = 0.0, product = 0.0;
    for (const auto& x : final_averages(flat, Vec<2>(0.0, 0.0), constant_schedule(1.0, 70, period), options)) {
      EXPECT_EQ(std::remainder(x[0], 2.0), 0.0);
      variance += x.squaredNorm() / 40'000;
      product += x[0] * x[1] / 20'000;
    }
    EXPECT_NEAR(variance, 70.0, 4 * 70 * std::sqrt(2.0 / 40'000));
    EXPECT_NEAR(product, 0.0, 4 * 70 / std::sqrt(20'000));
  }
}

TEST(EnsembleSchedule, AveragingGradientsIsAveragingAtEveryStep) {
  TrainingSchedule schedule = constant_schedule(0.02, 60, 20);
  schedule.sync.switch_step = 60;
  EXPECT_EQ(final_averages(Circle{}, kStart, schedule, options_with(64)),
            final_averages(Circle{}, kStart, constant_schedule(0.02, 60, 1), options_with(64)));
}

}  // namespace
}  // namespace quasar
