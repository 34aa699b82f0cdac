#include "distributed/data/sampler.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "core/random.h"

namespace quasar {
namespace {

struct Step {
  int num_workers;
  std::int64_t local_batch;
};

/// The i-th step of a run whose workers and batch change all the time.
Step changing_step(std::uint64_t i) {
  const Words random = words({.seed = 5, .use = Use::toy_noise, .replica = 0, .step = i});
  return {.num_workers = 1 + static_cast<int>(uniform_below(random.w[0], 4)),
          .local_batch = 1 + uniform_below(random.w[1], 5)};
}

/// All visits of a run up to a position, in the order of workers and steps.
template <class StepOf>
std::vector<Visit> run(Sampler& sampler, std::int64_t end, const StepOf& step_of) {
  std::vector<Visit> all, visits;
  std::int64_t position = 0;
  for (std::uint64_t i = 0; position < end; ++i) {
    const auto [num_workers, local_batch] = step_of(i);
    std::int64_t next = 0;
    for (int worker = 0; worker < num_workers; ++worker) {
      next = sampler.take(position, worker, num_workers, local_batch, visits);
      all.insert(all.end(), visits.begin(), visits.end());
    }
    position = next;
  }
  return all;
}

auto always(int num_workers, std::int64_t local_batch) {
  return [=](std::uint64_t) { return Step{num_workers, local_batch}; };
}

/// How often each sample was visited in each epoch.
std::map<std::int64_t, std::map<std::int64_t, int>> counts_by_epoch(const std::vector<Visit>& visits) {
  std::map<std::int64_t, std::map<std::int64_t, int>> counts;
  for (const Visit& visit : visits) ++counts[visit.epoch][visit.sample];
  return counts;
}

/// Pearson's sum for equally likely cells, less its mean, in its standard deviations.
template <class Counts>
double chi_square_excess(const Counts& counts, std::size_t cells, double total) {
  const double expected = total / static_cast<double>(cells);
  double sum = static_cast<double>(cells - counts.size()) * expected;
  for (const auto& [cell, count] : counts) sum += (count - expected) * (count - expected) / expected;
  const auto freedom = static_cast<double>(cells - 1);
  return (sum - freedom) / std::sqrt(2.0 * freedom);
}

TEST(Reshuffle, StraddlingEpochsAreTheDataSetWhateverWorkersAndBatches) {
  constexpr std::int64_t kSamples = 23, kEpochs = 20;
  Sampler changing({.seed = 3}, kSamples), single({.seed = 3}, kSamples);
  std::vector<Visit> visits = run(changing, kSamples * kEpochs, changing_step);
  visits.resize(kSamples * kEpochs);
  EXPECT_EQ(visits, run(single, kSamples * kEpochs, always(1, 1)));
  const auto counts = counts_by_epoch(visits);
  EXPECT_EQ(counts.size(), static_cast<std::size_t>(kEpochs));
  for (const auto& [epoch, samples] : counts) {
    EXPECT_EQ(samples.size(), static_cast<std::size_t>(kSamples)) << "epoch " << epoch;
    EXPECT_EQ(samples.rbegin()->first, kSamples - 1);
  }
}

TEST(Reshuffle, DropVisitsEachSampleAtMostOnceAndLeavesOutLessThanOneBatch) {
  constexpr std::int64_t kSamples = 47;
  Sampler sampler({.epoch = EpochEnd::drop, .seed = 3}, kSamples);
  std::int64_t position = 0;
  std::vector<Visit> all, visits;
  int skips = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    const auto [num_workers, local_batch] = changing_step(i);
    const std::int64_t first = sampler.start(position, num_workers, local_batch);
    if (first != position) {
      ++skips;
      EXPECT_EQ(first % kSamples, 0);
      EXPECT_LT(first - position, num_workers * local_batch);
    }
    std::int64_t next = 0;
    for (int worker = 0; worker < num_workers; ++worker) {
      next = sampler.take(position, worker, num_workers, local_batch, visits);
      for (const Visit& visit : visits) EXPECT_EQ(visit.epoch, first / kSamples) << "a batch crosses epochs";
      all.insert(all.end(), visits.begin(), visits.end());
    }
    EXPECT_EQ(next, first + num_workers * local_batch);
    position = next;
  }
  EXPECT_GT(skips, 20);
  for (const auto& [epoch, samples] : counts_by_epoch(all))
    for (const auto& [sample, count] : samples) EXPECT_EQ(count, 1) << "epoch " << epoch;
}

TEST(Reshuffle, DropWithOneBatchTakesTheFloorOfStepsAnEpoch) {
  // 50 = 4 batches of 3 x 4 and 2 left over.
  Sampler sampler({.epoch = EpochEnd::drop}, 50);
  EXPECT_EQ(sampler.steps_per_epoch(3, 4), 4.0);
  for (const auto& [epoch, samples] : counts_by_epoch(run(sampler, 4 * 50, always(3, 4)))) {
    if (epoch == 4) break;  // begun only
    EXPECT_EQ(samples.size(), 48u) << "epoch " << epoch;
  }
  EXPECT_DOUBLE_EQ(Sampler({}, 50).steps_per_epoch(3, 4), 50.0 / 12.0);
}

TEST(Reshuffle, EveryPermutationIsEquallyLikelyAndEpochsAreIndependent) {
  // An exchange with any of the n places instead of the first i would miss this by hundreds of deviations.
  constexpr int kEpochs = 24'000;
  Sampler four({.seed = 11}, 4), three({.seed = 12}, 3);
  std::map<std::vector<std::int64_t>, int> single, pairs;
  std::vector<std::int64_t> order, two_orders;
  for (const Visit& visit : run(four, 4 * kEpochs, always(1, 4))) {
    order.push_back(visit.sample);
    if (order.size() == 4) ++single[order], order.clear();
  }
  for (const Visit& visit : run(three, 6 * kEpochs, always(1, 3))) {
    two_orders.push_back(visit.sample);
    if (two_orders.size() == 6) ++pairs[two_orders], two_orders.clear();
  }
  EXPECT_LT(std::abs(chi_square_excess(single, 24, kEpochs)), 4.0);
  EXPECT_LT(std::abs(chi_square_excess(pairs, 36, kEpochs)), 4.0);
}

TEST(Reshuffle, OrderDependsOnTheSeed) {
  Sampler one({.seed = 1}, 100), two({.seed = 2}, 100);
  EXPECT_NE(run(one, 100, always(1, 100)), run(two, 100, always(1, 100)));
}

TEST(Reshuffle, ABatchMayHoldSeveralEpochs) {
  Sampler sampler({}, 5);
  const std::vector<Visit> visits = run(sampler, 40, always(2, 20));
  ASSERT_EQ(visits.size(), 40u);
  for (const auto& [epoch, samples] : counts_by_epoch(visits)) EXPECT_EQ(samples.size(), 5u) << "epoch " << epoch;
}

TEST(Reshuffle, MoreThanAMillionSamplesAreStillAPermutation) {
  constexpr std::int64_t kSamples = 1'300'003;
  Sampler sampler({.seed = 4}, kSamples);
  std::vector<Visit> visits;
  sampler.take(0, 0, 1, kSamples, visits);
  std::vector<bool> seen(kSamples);
  double moved = 0.0;
  for (const Visit& visit : visits) {
    EXPECT_FALSE(seen[static_cast<std::size_t>(visit.sample)]);
    seen[static_cast<std::size_t>(visit.sample)] = true;
    moved += std::abs(static_cast<double>(visit.sample - visit.position)) / kSamples / kSamples;
  }
  EXPECT_NEAR(moved, 1.0 / 3.0, 4.0 * std::sqrt(1.0 / 18.0 / kSamples));
}

class EveryKind : public testing::TestWithParam<SamplerOptions> {};

TEST_P(EveryKind, ResumingAtAnyPositionGivesTheSameVisits) {
  Sampler straight(GetParam(), 101);
  std::vector<Visit> visits, resumed;
  std::int64_t position = 0;
  std::vector<std::int64_t> positions;
  std::vector<std::vector<Visit>> taken;
  for (int step = 0; step < 60; ++step) {
    positions.push_back(position);
    position = straight.take(position, 1, 3, 4, visits);
    taken.push_back(visits);
  }
  for (std::size_t step = 60; step-- > 0;) {
    Sampler fresh(GetParam(), 101);
    fresh.take(positions[step], 1, 3, 4, resumed);
    EXPECT_EQ(resumed, taken[step]);
    straight.take(positions[step], 1, 3, 4, resumed);
    EXPECT_EQ(resumed, taken[step]);
  }
}

TEST_P(EveryKind, NothingIsRememberedOfOtherWorkersAndBatches) {
  Sampler used(GetParam(), 101);
  std::vector<Visit> visits, expected;
  std::int64_t position = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const auto [num_workers, local_batch] = changing_step(i);
    Sampler fresh(GetParam(), 101);
    fresh.take(position, 0, num_workers, local_batch, expected);
    position = used.take(position, 0, num_workers, local_batch, visits);
    ASSERT_EQ(visits, expected) << "step " << i;
  }
}

TEST_P(EveryKind, PositionsAreNeverRepeated) {
  Sampler sampler(GetParam(), 101);
  std::set<std::int64_t> positions;
  const std::vector<Visit> visits = run(sampler, 1000, changing_step);
  for (const Visit& visit : visits) positions.insert(visit.position);
  EXPECT_EQ(positions.size(), visits.size());
}

INSTANTIATE_TEST_SUITE_P(
    Sampler, EveryKind,
    testing::Values(SamplerOptions{.kind = SampleOrder::reshuffle, .epoch = EpochEnd::straddle, .seed = 7},
                    SamplerOptions{.kind = SampleOrder::reshuffle, .epoch = EpochEnd::drop, .seed = 7},
                    SamplerOptions{.kind = SampleOrder::partition, .epoch = EpochEnd::straddle, .seed = 7},
                    SamplerOptions{.kind = SampleOrder::partition, .epoch = EpochEnd::drop, .seed = 7},
                    SamplerOptions{.kind = SampleOrder::replacement, .epoch = EpochEnd::straddle, .seed = 7}));

/// The stream of one worker of K.
std::vector<Visit> worker_stream(Sampler& sampler, int worker, int num_workers, std::int64_t local_batch, int steps) {
  std::vector<Visit> all, visits;
  for (std::int64_t position = 0; steps-- > 0; all.insert(all.end(), visits.begin(), visits.end()))
    position = sampler.take(position, worker, num_workers, local_batch, visits);
  return all;
}

TEST(Partition, ShardsAreFixedDisjointAndTogetherTheDataSet) {
  constexpr int kWorkers = 3, kSamples = 50;
  Sampler sampler({.kind = SampleOrder::partition, .seed = 9}, kSamples);
  std::set<std::int64_t> all;
  for (int worker = 0; worker < kWorkers; ++worker) {
    auto counts = counts_by_epoch(worker_stream(sampler, worker, kWorkers, 4, 17));
    counts.erase(std::prev(counts.end()));  // an epoch that was not gone through
    ASSERT_GE(counts.size(), 3u);
    for (const auto& [epoch, samples] : counts) {
      EXPECT_EQ(samples, counts[0]) << "each sample of the shard once, in every epoch";
      EXPECT_NEAR(static_cast<double>(samples.size()), 50.0 / 3.0, 1.0);
    }
    for (const auto& [sample, count] : counts[0]) EXPECT_TRUE(all.insert(sample).second) << "in two shards";
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kSamples));
}

TEST(Partition, ShardsAreRandomAndPermutedAnewInEachEpoch) {
  Sampler sampler({.kind = SampleOrder::partition, .seed = 9}, 60),
      other({.kind = SampleOrder::partition, .seed = 10}, 60);
  const std::vector<Visit> stream = worker_stream(sampler, 0, 3, 20, 2);
  std::vector<std::int64_t> first, second;
  for (const Visit& visit : stream) (visit.epoch == 0 ? first : second).push_back(visit.sample);
  EXPECT_NE(first, second);
  EXPECT_TRUE(std::is_permutation(first.begin(), first.end(), second.begin(), second.end()));
  EXPECT_GT(*std::max_element(first.begin(), first.end()), 20) << "the shard is the file's first third";
  std::vector<std::int64_t> others;
  for (const Visit& visit : worker_stream(other, 0, 3, 20, 1)) others.push_back(visit.sample);
  EXPECT_FALSE(std::is_permutation(first.begin(), first.end(), others.begin(), others.end()));
}

TEST(Partition, BatchDoesNotChangeAWorkersStream) {
  Sampler sampler({.kind = SampleOrder::partition, .seed = 9}, 50);
  EXPECT_EQ(worker_stream(sampler, 1, 3, 4, 30), worker_stream(sampler, 1, 3, 10, 12));
}

TEST(Partition, DropGivesEveryWorkerTheSameStepsAndForgetsNoSample) {
  // Shards of 16, 17 and 17: three batches of 5 an epoch, one or two samples left out, another time others.
  Sampler sampler({.kind = SampleOrder::partition, .epoch = EpochEnd::drop, .seed = 9}, 50);
  EXPECT_EQ(sampler.steps_per_epoch(3, 5), 3.0);
  std::set<std::int64_t> seen;
  for (int worker = 0; worker < 3; ++worker) {
    const auto counts = counts_by_epoch(worker_stream(sampler, worker, 3, 5, 60));
    EXPECT_EQ(counts.size(), 20u);
    for (const auto& [epoch, samples] : counts) {
      EXPECT_EQ(samples.size(), 15u);
      for (const auto& [sample, count] : samples) seen.insert(sample);
    }
  }
  EXPECT_EQ(seen.size(), 50u);
}

TEST(Replacement, DrawsAreUniformAndIndependentOfWorkersAndBatches) {
  constexpr std::int64_t kDraws = 60'000;
  Sampler sampler({.kind = SampleOrder::replacement, .seed = 6}, 10);
  std::vector<Visit> visits = run(sampler, kDraws, changing_step);
  visits.resize(kDraws);
  EXPECT_EQ(visits, run(sampler, kDraws, always(1, 8)));
  std::map<std::int64_t, int> singles, pairs;
  for (std::size_t i = 0; i < visits.size(); ++i) {
    ++singles[visits[i].sample];
    if (i % 2 == 1) ++pairs[10 * visits[i - 1].sample + visits[i].sample];
  }
  EXPECT_LT(std::abs(chi_square_excess(singles, 10, kDraws)), 4.0);
  // A permutation would never have a pair of equal samples within an epoch.
  EXPECT_LT(std::abs(chi_square_excess(pairs, 100, kDraws / 2)), 4.0);
}

std::string error_of(const SamplerOptions& options, std::int64_t samples, int num_workers, std::int64_t local_batch) {
  try {
    Sampler(options, samples).check(num_workers, local_batch);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Sampler, TooFewSamplesAreRefusedNamingTheKeys) {
  const SamplerOptions drop{.epoch = EpochEnd::drop}, shards{.kind = SampleOrder::partition};
  const SamplerOptions dropped_shards{.kind = SampleOrder::partition, .epoch = EpochEnd::drop};
  EXPECT_THAT(error_of({}, 0, 1, 1), testing::HasSubstr("data.*: the data set is empty"));
  EXPECT_THAT(error_of(drop, 31, 4, 8),
              testing::AllOf(testing::HasSubstr("data.*: 31 samples"), testing::HasSubstr("workers.count = 4"),
                             testing::HasSubstr("batch.local_size = 8"), testing::HasSubstr("data.epoch = drop")));
  EXPECT_EQ(error_of(drop, 32, 4, 8), "");
  EXPECT_EQ(error_of({}, 3, 4, 8), "");
  EXPECT_THAT(error_of(shards, 3, 4, 8), testing::HasSubstr("data.order = reshuffle"));
  EXPECT_EQ(error_of(shards, 4, 4, 8), "");
  EXPECT_THAT(error_of(dropped_shards, 35, 4, 9), testing::HasSubstr("too few"));
  EXPECT_EQ(error_of(dropped_shards, 35, 4, 8), "");
  EXPECT_THAT(error_of({}, 3, 0, 8), testing::HasSubstr("workers.count"));
}

}  // namespace
}  // namespace quasar
