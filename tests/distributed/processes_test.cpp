// Workers as processes: the same numbers as threads, and the promises about lost peers.
#include <csignal>

#include <chrono>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/errors.h"
#include "tests/distributed/engine_sums.h"
#include "tests/distributed/launched.h"

namespace quasar {
namespace {

using testing::AllOf;
using testing::HasSubstr;

double seconds_between(const std::filesystem::path& earlier, const std::filesystem::path& later) {
  return std::chrono::duration<double>(std::filesystem::last_write_time(later) -
                                       std::filesystem::last_write_time(earlier))
      .count();
}

TEST(Processes, SumsAreThoseOfThreadsBitForBit) {
  const TemporaryFolder folder;
  const Launched run(folder, 4, "sums");
  ASSERT_EQ(run.code, 0) << run.logs[0];
  run_workers({.count = 4, .node_size = 2}, [&](Worker& worker) {
    EXPECT_EQ(text_of(folder.path() / ("sums-" + std::to_string(worker.rank()))), engine_sums(worker));
  });
}

TEST(Processes, WithoutFaultAllEndWithZeroAndLogIntoTheirOwnFiles) {
  const TemporaryFolder folder;
  const Launched run(folder, 3, "say");
  EXPECT_EQ(run.code, 0);
  for (int rank = 0; rank < 3; ++rank) EXPECT_EQ(run.logs[rank], "rank " + std::to_string(rank) + " says hello\n");
  EXPECT_EQ(Launched(folder, 2, "say", {{"TEST_CODE", "75"}}).code, 75) << "all ask to be started again";
}

struct Loss {
  std::string kind, site;
  int rank;
  bool check = true;
};
void PrintTo(const Loss& loss, std::ostream* out) {
  *out << loss.kind << " of rank " << loss.rank << " at " << loss.site;
}

/// D1: the others end with exit code 6 within the time-out plus a second and name the rank.
class LostPeer : public testing::TestWithParam<Loss> {
 protected:
  static constexpr double kTimeout = 1.0;
  void expect_named(const TemporaryFolder& folder, int lost, int other) const {
    const std::string log = text_of(Launched::log_file(folder, other));
    EXPECT_THAT(log, HasSubstr("quasar: error: worker " + std::to_string(other)));
    EXPECT_THAT(log, AllOf(HasSubstr("rank " + std::to_string(lost) + " on host"), HasSubstr("its last step was "),
                           HasSubstr("its last collective ")));
    EXPECT_LT(seconds_between(Launched::log_file(folder, lost), Launched::log_file(folder, other)), kTimeout + 1.0)
        << log;
    const auto record =
        nlohmann::json::parse(text_of(folder.path() / ("flight-rank-00" + std::to_string(other) + ".json")));
    EXPECT_EQ(record["rank"], other);
    EXPECT_TRUE(record["collectives"].back()["end"].is_null()) << "the collective in which the peer was lost";
  }
  static Variables variables(const Loss& loss) {
    return {{"TEST_TIMEOUT", std::to_string(kTimeout)},
            {"TEST_CHECK", loss.check ? "1" : "0"},
            {"QUASAR_FAULT", loss.kind + "@rank=" + std::to_string(loss.rank) + ",step=6,site=" + loss.site}};
  }
};

class LaunchedLostPeer : public LostPeer {};

TEST_P(LaunchedLostPeer, IsNamedInTimeByAllOthers) {
  const Loss& loss = GetParam();
  const TemporaryFolder folder;
  const Launched run(folder, 3, "train", variables(loss));
  EXPECT_EQ(run.code, loss.kind == "kill" ? 128 + SIGKILL : 6);
  EXPECT_THAT(run.last_words, HasSubstr("rank " + std::to_string(loss.rank) + " failed first: "));
  for (int other = 0; other < 3; ++other)
    if (other != loss.rank) expect_named(folder, loss.rank, other);
}

INSTANTIATE_TEST_SUITE_P(, LaunchedLostPeer,
                         testing::Values(Loss{"kill", "before_average", 1}, Loss{"kill", "in_average", 0, false},
                                         Loss{"kill", "after_local_step", 2}, Loss{"stop", "before_average", 0},
                                         Loss{"stop", "in_average", 1}, Loss{"stop", "after_local_step", 1, false},
                                         Loss{"exit", "before_average", 1}, Loss{"exit", "in_average", 1},
                                         Loss{"exit", "after_local_step", 0}));

class HandStartedLostPeer : public LostPeer {};

TEST_P(HandStartedLostPeer, IsNamedThoughItServesTheStore) {
  const Loss& loss = GetParam();
  const TemporaryFolder folder;
  Variables common = variables(loss);
  common.merge(Variables{{"WORLD_SIZE", "3"},
                         {"MASTER_ADDR", "127.0.0.1"},
                         {"MASTER_PORT", std::to_string(free_port())},
                         {"TEST_FOLDER", folder.path()}});
  std::vector<std::unique_ptr<StartedProcess>> ranks;
  for (int rank = 0; rank < 3; ++rank) {
    Variables own = common;
    own["RANK"] = std::to_string(rank);
    ranks.push_back(std::make_unique<StartedProcess>(std::vector<std::string>{ENGINE_PROCESS, "train"}, own,
                                                     Launched::log_file(folder, rank)));
  }
  for (int other = 0; other < 3; ++other) {
    if (other == loss.rank) continue;
    EXPECT_EQ(ranks[other]->exit_code(), 6);
    expect_named(folder, loss.rank, other);
    EXPECT_THAT(text_of(Launched::log_file(folder, other)),
                HasSubstr("rank " + std::to_string(loss.rank) + " on host"));
  }
}

INSTANTIATE_TEST_SUITE_P(, HandStartedLostPeer,
                         testing::Values(Loss{"kill", "in_average", 0}, Loss{"stop", "before_average", 0},
                                         Loss{"exit", "after_local_step", 0}, Loss{"kill", "in_average", 1, false},
                                         Loss{"stop", "in_average", 2}));

TEST(Processes, OneThatThrowsHasItsMessageFirstAndItsExitCode) {
  const TemporaryFolder folder;
  const Launched run(folder, 3, "train", {{"QUASAR_FAULT", "error@rank=1,step=7,site=before_local_step"}});
  EXPECT_EQ(run.code, 3) << "rank 1's DataError";
  EXPECT_THAT(run.last_words, HasSubstr("rank 1 failed first: the fault plan asked for an error"));
  for (const int other : {0, 2}) {
    EXPECT_THAT(run.logs[other], HasSubstr("peer 1 failed: the fault plan asked for an error"));
    EXPECT_TRUE(std::filesystem::exists(folder.path() / ("flight-rank-00" + std::to_string(other) + ".json")));
  }
}

TEST(Processes, MismatchedAverageIsRefusedOnAllWithAllFingerprints) {
  const TemporaryFolder folder;
  const Launched run(folder, 2, "train", {{"QUASAR_FAULT", "desync@rank=1,step=3"}});
  EXPECT_EQ(run.code, 6);
  for (const std::string& log : run.logs)
    EXPECT_THAT(log,
                AllOf(HasSubstr("mismatch"), HasSubstr("rank 0: average #1 of 20000 Double for training at step 3"),
                      HasSubstr("rank 1: average #1 of 20001 Double for training at step 3")));
}

TEST(Processes, AverageOfAnotherTypeKindOrOrderIsRefusedOnAll) {  // D3
  const std::pair<const char*, const char*> cases[] = {
      {"desync_type", "rank 1: average #1 of 20000 Int for training at step 3"},
      {"desync_kind", "rank 1: broadcast #1 of 20000 Double for training at step 3"},
      {"desync_order", "rank 1: barrier #1 of 0 Float for measurement at step 3"}};
  for (const auto& [fault, said] : cases) {
    const TemporaryFolder folder;
    const Launched run(folder, 2, "train", {{"QUASAR_FAULT", std::string(fault) + "@rank=1,step=3"}});
    EXPECT_EQ(run.code, 6) << fault;
    for (const std::string& log : run.logs)
      EXPECT_THAT(log, AllOf(HasSubstr("rank 0: average #1 of 20000 Double for training at step 3"), HasSubstr(said)));
  }
}

TEST(Processes, StragglerThatBeatsIsWaitedFor) {
  const TemporaryFolder folder;
  const Launched run(folder, 2, "straggle", {{"TEST_TIMEOUT", "1"}, {"TEST_RENDEZVOUS", "20"}});
  EXPECT_EQ(run.code, 0) << run.logs[0] << run.logs[1];
}

TEST(Processes, StalledWorkerThatStillRunsIsFound) {
  const TemporaryFolder folder;
  const Launched run(folder, 2, "train",
                     {{"TEST_TIMEOUT", "1"}, {"QUASAR_FAULT", "stall@rank=1,step=6,site=after_local_step"}});
  EXPECT_EQ(run.code, 6);
  EXPECT_THAT(run.logs[0], AllOf(HasSubstr("peer 1 failed: rank 1 on host"), HasSubstr("has been silent"),
                                 HasSubstr("its last step was 6, its last collective 1 (average #1)")));
}

TEST(Threads, StalledOneIsFoundAndTheProcessEnds) {
  const TemporaryFolder folder;
  StartedProcess process({ENGINE_PROCESS, "threads"},
                         {{"TEST_TIMEOUT", "1"},
                          {"TEST_FOLDER", folder.path()},
                          {"QUASAR_FAULT", "stall@rank=2,step=6,site=before_average"}},
                         folder.path() / "log");
  EXPECT_EQ(process.exit_code(), 6);
  EXPECT_THAT(text_of(folder.path() / "log"), AllOf(HasSubstr("rank 2 on host"), HasSubstr("its last step was 6")));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "flight-rank-000.json"));
}

}  // namespace
}  // namespace quasar
