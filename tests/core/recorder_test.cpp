#include "core/recorder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "core/config.h"
#include "core/errors.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;

class RecorderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("recorder_" + std::to_string(::getpid()) + "_" +
                                              testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  static Config config() { return Config::from_text("", "test"); }

  fs::path folder_;
};

TEST_F(RecorderTest, RunIsMarkedFromItsFirstMomentToItsLast) {
  Recorder recorder(folder_, config(), {{"command", "toy"}});
  EXPECT_EQ(read_run_json(folder_).at("status"), "running");
  recorder.record("observables", {{"slow_time", 0.5}});
  recorder.finish("done");
  EXPECT_EQ(read_run_json(folder_).at("status"), "done");
  EXPECT_TRUE(fs::exists(folder_ / "DONE"));
  EXPECT_TRUE(is_reusable_run(folder_));
}

TEST_F(RecorderTest, RunThatEndsUnfinishedIsFailedAndNotReused) {
  { Recorder recorder(folder_, config(), {}); }
  EXPECT_EQ(read_run_json(folder_).at("status"), "failed");
  EXPECT_FALSE(is_reusable_run(folder_));
}

TEST_F(RecorderTest, DivergedRunKeepsItsRecords) {
  Recorder recorder(folder_, config(), {});
  recorder.record("observables", {{"slow_time", 0.5}});
  recorder.finish("diverged", "x left the domain");
  EXPECT_EQ(read_series(folder_, "observables").size(), 1u);
  EXPECT_EQ(read_run_json(folder_).at("error"), "x left the domain");
  EXPECT_FALSE(fs::exists(folder_ / "DONE"));
}

TEST_F(RecorderTest, NonFiniteNumbersAreNullAndNamed) {
  Recorder recorder(folder_, config(), {});
  recorder.record("observables", {{"a", std::nan("")}, {"b", {{"c", INFINITY}}}, {"d", 1.0}});
  const auto record = read_series(folder_, "observables").front();
  EXPECT_TRUE(record.at("a").is_null());
  EXPECT_EQ(record.at("nonfinite"), (nlohmann::json{"a", "b.c"}));
  EXPECT_EQ(record.at("d"), 1.0);
}

TEST_F(RecorderTest, TornLastLineIsLeftOutAndADamagedOneIsAnError) {
  Recorder recorder(folder_, config(), {});
  recorder.record("observables", {{"a", 1}});
  std::ofstream(folder_ / "observables.jsonl", std::ios::app) << "{\"a\": 2";
  EXPECT_EQ(read_series(folder_, "observables").size(), 1u);
  std::ofstream(folder_ / "observables.jsonl", std::ios::app) << "\n{\"a\": 3}\n";
  EXPECT_THROW(read_series(folder_, "observables"), DataError);
}

TEST_F(RecorderTest, UnwritableFolderIsAStorageError) {
  std::ofstream(folder_) << "a file, not a folder";
  EXPECT_THROW(Recorder(folder_ / "run", config(), {}), StorageError);
}

}  // namespace
}  // namespace quasar
