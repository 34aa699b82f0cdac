#include "distributed/checkpoint/checkpoint_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/errors.h"
#include "distributed/checkpoint/identity.h"
#include "tests/distributed/checkpoint_for_tests.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class CheckpointFolderTest : public testing::Test {
 protected:
  fs::path checkpoints() const { return run_.path() / "checkpoints"; }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(checkpoints())) found.insert(entry.path().filename());
    return found;
  }

  MemoryFolder run_;
};

TEST_F(CheckpointFolderTest, NewestIsFoundWithWhatTheTrainerSaved) {
  CheckpointFolder folder(run_.path());
  EXPECT_TRUE(folder.steps().empty());
  EXPECT_FALSE(folder.newest_valid([](const std::string&) {}));
  save(folder, 9, 3, 0.5);
  save(folder, 100000000, 4);  // nine digits sort behind eight
  save(folder, 10, 5);
  EXPECT_THAT(folder.steps(), ElementsAre(9, 10, 100000000));
  EXPECT_THAT(names(), ElementsAre("step-00000009", "step-00000010", "step-100000000"));
  const auto newest = folder.newest_valid([](const std::string& warning) { ADD_FAILURE() << warning; });
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->step, 100000000);
  EXPECT_EQ(newest->about, (json{{"seed", 4}, {"world_size", 1}}));
  EXPECT_FALSE(newest->loss);
  EXPECT_EQ(folder.open(9).loss, 0.5);
  const SafetensorsFile rank = newest->read("rank-000.safetensors");
  EXPECT_EQ(rank.metadata().at("rank"), "0");
  EXPECT_EQ(rank.find("counters")->bytes[0], std::byte{104});
}

TEST_F(CheckpointFolderTest, UnfinishedSaveIsNeverFoundAndIsRemovedAtTheNextStart) {
  CheckpointFolder folder(run_.path());
  save(folder, 1, 1);
  folder.begin(2);
  folder.write(2, "model.safetensors", ExampleState(2).tensors());
  EXPECT_THAT(folder.steps(), ElementsAre(1));
  EXPECT_THAT(names(), ElementsAre(".saving-step-00000002", "step-00000001"));
  CheckpointFolder(run_.path()).clean();
  EXPECT_THAT(names(), ElementsAre("step-00000001"));
}

TEST_F(CheckpointFolderTest, SaveCanBeBegunAgain) {
  CheckpointFolder folder(run_.path());
  folder.begin(2);
  folder.write(2, "old.safetensors", ExampleState(2).tensors());
  save(folder, 2, 2);
  EXPECT_EQ(folder.open(2).files.size(), 2u);
  EXPECT_FALSE(fs::exists(checkpoints() / "step-00000002/old.safetensors"));
}

TEST_F(CheckpointFolderTest, OlderOneOfTheSameStepCountsUntilTheNewOneIsThere) {
  CheckpointFolder folder(run_.path());
  save(folder, 1, 1);
  save(folder, 1, 2);
  EXPECT_EQ(folder.open(1).about.at("seed"), 2);
  EXPECT_THAT(names(), ElementsAre("step-00000001"));
  fs::rename(checkpoints() / "step-00000001", checkpoints() / ".replaced-step-00000001");
  EXPECT_EQ(folder.open(1).about.at("seed"), 2);
  CheckpointFolder(run_.path()).clean();
  EXPECT_THAT(names(), ElementsAre("step-00000001"));
}

TEST_F(CheckpointFolderTest, ManifestThatCannotBeWrittenAbandonsTheSave) {
  CheckpointFolder folder(run_.path());
  save(folder, 1, 1);
  folder.begin(2);
  EXPECT_THROW(folder.commit(2, {{"learning_rate", std::nan("")}}, {}), CheckpointError);
  folder.begin(2);
  EXPECT_THROW(folder.commit(2, {{"name", "\xff"}}, {}), CheckpointError);
  folder.begin(2);
  EXPECT_THROW(folder.commit(2, {}, {{"../model", 0, ""}}), CheckpointError);
  EXPECT_THROW(folder.write(2, "manifest.json", {}), CheckpointError);
  EXPECT_THAT(names(), ElementsAre("step-00000001"));
}

TEST_F(CheckpointFolderTest, MissingStepIsAnErrorThatNamesIt) {
  CheckpointFolder folder(run_.path());
  EXPECT_THROW(folder.open(7), CheckpointError);
}

TEST_F(CheckpointFolderTest, LaterFormatIsRefusedRatherThanPassedOver) {
  CheckpointFolder folder(run_.path());
  save(folder, 1, 1);
  save(folder, 2, 2);
  const fs::path file = checkpoints() / "step-00000002/manifest.json";
  json manifest = json::parse(read_text(file));
  manifest["format"] = kCheckpointFormat + 1;
  manifest.erase("sha256");
  manifest["sha256"] = sha256_of(manifest.dump());
  write_text(file, manifest.dump());
  try {
    folder.newest_valid([](const std::string&) {});
    ADD_FAILURE();
  } catch (const NewerCheckpointFormat& error) {
    EXPECT_EQ(error.code(), ExitCode::checkpoint);
    EXPECT_THAT(error.what(), HasSubstr("has checkpoint format 2; this program reads up to 1"));
  }
  save(folder, 3, 3);
  folder.apply({1, 0, false});
  EXPECT_THAT(folder.steps(), ElementsAre(2, 3));
}

TEST_F(CheckpointFolderTest, RetentionKeepsWhatItSaysAndAlwaysTheNewestValidOne) {
  std::mt19937_64 draw(11);
  for (int trial = 0; trial < 15; ++trial) {
    const MemoryFolder run;
    struct Known {
      std::optional<double> loss;
      bool damaged = false;
    };
    std::map<std::int64_t, Known> known;  // the model
    const Retention retention{static_cast<int>(draw() % 4), static_cast<std::int64_t>(draw() % 3) * 5, draw() % 2 == 0};
    std::int64_t step = 0;
    for (int saves = 0; saves < 12; ++saves) {
      CheckpointFolder folder(run.path());
      step += 1 + static_cast<std::int64_t>(draw() % 4);
      const std::optional<double> loss = draw() % 3 == 0 ? std::optional<double>() : static_cast<double>(draw() % 5);
      save(folder, step, 1, loss, 4);
      known[step] = {loss, false};
      for (auto& [old_step, one] : known)
        if (!one.damaged && draw() % 6 == 0) {
          char name[64];
          std::snprintf(name, sizeof(name), "checkpoints/step-%08d/rank-000.safetensors", static_cast<int>(old_step));
          std::string bytes = read_text(run.path() / name);
          bytes.back() = static_cast<char>(bytes.back() ^ 4);
          write_text(run.path() / name, bytes);
          one.damaged = true;
        }
      CheckpointFolder(run.path()).apply(retention);

      std::vector<std::int64_t> valid;  // newest first
      for (auto one = known.rbegin(); one != known.rend(); ++one)
        if (!one->second.damaged) valid.push_back(one->first);
      std::set<std::int64_t> expected;
      for (const auto& [one, state] : known)
        if (valid.empty() || one > valid.front()) expected.insert(one);  // nothing valid lies behind these
      for (std::size_t i = 0; i < valid.size(); ++i)
        if (i < static_cast<std::size_t>(std::max(retention.keep_last, 1)) ||
            (retention.keep_every > 0 && valid[i] % retention.keep_every == 0))
          expected.insert(valid[i]);
      std::optional<std::int64_t> best;
      for (const std::int64_t one : valid)
        if (known[one].loss && (!best || *known[one].loss < *known[*best].loss)) best = one;
      if (retention.keep_best && best) expected.insert(*best);
      const auto left = CheckpointFolder(run.path()).steps();
      EXPECT_EQ(std::set<std::int64_t>(left.begin(), left.end()), expected);
      std::erase_if(known, [&](const auto& one) { return !expected.contains(one.first); });
    }
  }
}

TEST(CheckpointIdentity, DifferencesAreListedWithBothValues) {
  const json saved = {{"world_size", 4}, {"config", "aaaa"}, {"data", {{"train", "1"}, {"test", "2"}}}};
  json current = saved;
  EXPECT_TRUE(require_same_identity(saved, current, {}, "here").empty());
  current["world_size"] = 8;
  current["data"]["test"] = "3";
  current["device"] = "cpu";
  try {
    require_same_identity(saved, current, {"device"}, "results/run/checkpoints/step-00000002");
    ADD_FAILURE();
  } catch (const CheckpointError& error) {
    EXPECT_THAT(error.what(), HasSubstr("results/run/checkpoints/step-00000002: "));
    EXPECT_THAT(error.what(), HasSubstr("world_size: saved 4, now 8"));
    EXPECT_THAT(error.what(), HasSubstr("data.test: saved \"2\", now \"3\""));
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("config")));
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("device")));
  }
  const auto accepted = require_same_identity(saved, current, {"world_size", "data.test", "device"}, "here");
  ASSERT_EQ(accepted.size(), 3u);
  EXPECT_EQ(accepted[1].name, "device");
  EXPECT_EQ(accepted[1].saved, "absent");
  EXPECT_THROW(require_same_identity(saved, current, {"wrold_size"}, "here"), ConfigError);
}

// A run of two rounds of a tiny network, saved in the middle of the second by each release that had another format or state.
TEST(GoldenCheckpoints, OfEarlierReleasesLoadBitForBit) {  // C11
  const struct {
    const char *release, *hash;
    std::int64_t step;
  } golden[] = {{"0.1.0", "cdaeb8564966842471b80e9ad691932025fe381a10a1db1b826fc53eb6ed8b2e", 6}};
  for (const auto& [release, hash, step] : golden) {
    const fs::path run = fs::path(QUASAR_SOURCE_DIR) / "tests/distributed/golden" / release;
    EXPECT_THAT(CheckpointFolder(run).steps(), ElementsAre(step)) << release;
    EXPECT_EQ(newest_hash(run), hash) << release;
  }
}

}  // namespace
}  // namespace quasar
