// Shards, restarts and threads: the same bits however an ensemble is cut up.

#include <gtest/gtest.h>

#include "core/errors.h"
#include "tests/toy_models/ensemble_for_tests.h"
#include "toy_models/circle.h"

namespace quasar {
namespace {

const Vec<2> kStart(1.1, 0.7);

EnsembleOptions options_with(std::int64_t replicas) {
  EnsembleOptions options;
  options.num_workers = 3;
  options.replicas = replicas;
  options.seed = 5;
  return options;
}

EnsembleRecording<2> everything() {
  EnsembleRecording<2> recording;
  recording.times = {0.0, 0.01, 0.02};
  recording.observables = {[](const auto& seen) { return seen.projected[0]; },
                           [](const auto& seen) { return seen.average[1]; },
                           [](const auto& seen) { return seen.worker_dispersion; }};
  recording.quantiles = recording.worker_dispersion = true;
  recording.histograms = {{recording.observables[1], 0.3, 0.7, 10}};
  recording.paths = 150;
  return recording;
}

std::vector<EnsembleRecord> records_of(const EnsembleOptions& options, const EnsembleState* resume_from = nullptr,
                                       std::function<void(const EnsembleState&)> on_state = {}) {
  std::vector<EnsembleRecord> records;
  EnsembleCallbacks callbacks;
  callbacks.on_record = [&](const EnsembleRecord& record) { records.push_back(record); };
  if (on_state) callbacks.on_pause = [&](const auto& state) { on_state(state()); };
  record_ensemble(Circle{}, kStart, constant_schedule(0.02, 100, 7), options, everything(), callbacks, resume_from);
  return records;
}

void expect_equal_bits(const EnsembleRecord& a, const EnsembleRecord& b) {
  EXPECT_EQ(a.step, b.step);
  EXPECT_EQ(a.round, b.round);
  EXPECT_EQ(a.slow_time, b.slow_time);
  EXPECT_EQ(a.moments.count(), b.moments.count());
  EXPECT_EQ(a.moments.mean(), b.moments.mean());
  EXPECT_EQ(a.moments.products(), b.moments.products());
  ASSERT_EQ(a.values.size(), b.values.size());
  for (std::size_t i = 0; i < a.values.size(); ++i) EXPECT_EQ(a.values[i].bins(), b.values[i].bins());
  EXPECT_EQ(a.histograms[0].bins, b.histograms[0].bins);
  EXPECT_EQ(a.histograms[0].above, b.histograms[0].above);
  EXPECT_EQ(a.paths, b.paths);
}

TEST(BlockTree, TheFewestSubtreesThatMakeUpARange) {
  using Tree = std::vector<Subtree>;
  EXPECT_EQ(subtrees_of(0, 8), (Tree{{3, 0}}));
  EXPECT_EQ(subtrees_of(3, 9), (Tree{{0, 3}, {2, 1}, {0, 8}}));
  EXPECT_EQ(subtrees_of(0, 7, 1), (Tree{{1, 0}, {1, 1}, {1, 2}, {0, 6}}));
  EXPECT_EQ(subtrees_of(5, 5), Tree{});
}

struct Order {  // not associative, so that another tree would be seen
  std::string text;
  void merge(const Order& other) { text = "(" + text + other.text + ")"; }
};

TEST(BlockTree, SumsTheSameTreeFromAnyParts) {
  const std::vector<SubtreeSum<Order>> leaves = {
      {{0, 0}, {"a"}}, {{0, 1}, {"b"}}, {{0, 2}, {"c"}}, {{0, 3}, {"d"}}, {{0, 4}, {"e"}}};
  const std::vector<SubtreeSum<Order>> parts = {{{0, 0}, {"a"}}, {{0, 1}, {"b"}}, {{1, 1}, {"(cd)"}}, {{0, 4}, {"e"}}};
  EXPECT_EQ(sum_over_tree<Order>(leaves).text, "(((ab)(cd))e)");
  EXPECT_EQ(sum_over_tree<Order>(parts).text, "(((ab)(cd))e)");
}

TEST(EnsembleShards, JoinToTheBitsOfTheWhole) {
  for (const std::int64_t replicas : {449, 64 * 300}) {  // 8 blocks, and several units of 64
    const auto whole = records_of(options_with(replicas));
    ASSERT_EQ(whole.size(), 4u);
    EXPECT_EQ(whole[0].moments.count(), replicas);
    for (const int shards : {1, 2, 3, 7}) {
      std::vector<std::vector<EnsembleRecord>> parts;
      for (int shard = 0; shard < shards; ++shard) {
        auto options = options_with(replicas);
        options.shard = shard;
        options.shards = shards;
        options.threads = 1 + shard % 3;
        parts.push_back(records_of(options));
      }
      for (std::size_t r = 0; r < whole.size(); ++r) {
        std::vector<EnsembleRecord> of_time;
        for (const auto& part : parts) of_time.push_back(part[r]);
        expect_equal_bits(join_shards(of_time), whole[r]);
      }
    }
  }
}

TEST(EnsembleShards, OfDifferentTimesAreNotJoined) {
  const auto records = records_of(options_with(64));
  EXPECT_THROW(join_shards({records[0], records[1]}), DataError);
}

TEST(EnsembleShards, MoreThanBlocksOrOutOfRangeAreConfigErrors) {
  const auto run_shard = [](int shard, int shards) {
    auto options = options_with(128);
    options.shard = shard;
    options.shards = shards;
    records_of(options);
  };
  EXPECT_NO_THROW(run_shard(1, 2));
  EXPECT_THROW(run_shard(2, 2), ConfigError);
  EXPECT_THROW(run_shard(-1, 2), ConfigError);
  EXPECT_THROW(run_shard(0, 3), ConfigError);
}

TEST(EnsembleRestart, GoesOnToTheSameBitsFromAnyState) {
  std::vector<EnsembleState> states;
  const auto whole =
      records_of(options_with(300), nullptr, [&](const EnsembleState& state) { states.push_back(state); });
  ASSERT_EQ(states.size(), 3u);  // after each record but the last
  for (std::size_t s = 0; s < states.size(); ++s) {
    auto options = options_with(300);
    options.threads = 2;
    const auto rest = records_of(options, &states[s]);
    ASSERT_EQ(rest.size(), 3 - s);
    for (std::size_t r = 0; r < rest.size(); ++r) expect_equal_bits(rest[r], whole[s + 1 + r]);
  }
}

TEST(EnsembleRestart, RefusesTheStateOfOtherReplicas) {
  EnsembleState state;
  records_of(options_with(300), nullptr, [&](const EnsembleState& seen) { state = seen; });
  EXPECT_THROW(records_of(options_with(400), &state), CheckpointError);
}

}  // namespace
}  // namespace quasar
