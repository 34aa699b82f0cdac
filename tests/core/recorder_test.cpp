#include "core/recorder.h"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

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

TEST_F(RecorderTest, AnErrorWhoseTextIsNotUtf8IsStillRecorded) {
  Recorder recorder(folder_, config(), {});
  recorder.record("notes", {{"file", "a\xff.jpg"}});
  recorder.finish("failed", "'a\xff.jpg' is damaged");
  EXPECT_EQ(read_run_json(folder_).at("status"), "failed");
  EXPECT_EQ(read_run_json(folder_).at("error"), "'a\xEF\xBF\xBD.jpg' is damaged");
  EXPECT_EQ(read_series(folder_, "notes").size(), 1u);
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

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

TEST_F(RecorderTest, ResumedRunHoldsEveryRecordOnceAsIfItHadNotStopped) {
  std::string first_start;
  Recorder::Offsets offsets;
  {
    Recorder straight(folder_.string() + "_straight", config(), {});
    for (int step = 0; step < 6; ++step) straight.record("steps", {{"step", step}});
  }
  {
    Recorder recorder(folder_, config(), {});
    fs::create_directories(folder_ / "checkpoints/step-00000003");
    std::ofstream(folder_ / ".lock") << "process 1";
    for (int step = 0; step < 3; ++step) recorder.record("steps", {{"step", step}});
    recorder.record("events", {{"event", "start"}});
    offsets = recorder.offsets();
    for (int step = 3; step < 5; ++step) recorder.record("steps", {{"step", step}});
    recorder.record("evaluations", {{"step", 5}});  // began after the checkpoint
    recorder.finish("done");
    first_start = read_run_json(folder_).at("time").at("started");
  }
  std::ofstream(folder_ / "steps.jsonl", std::ios::app) << "{\"step\": 5";  // torn by the crash
  EXPECT_EQ(offsets.size(), 2u);
  {
    Recorder recorder(folder_, config(), {{"command", "train"}}, offsets);
    EXPECT_EQ(read_run_json(folder_).at("status"), "running");
    EXPECT_FALSE(fs::exists(folder_ / "DONE"));
    EXPECT_FALSE(fs::exists(folder_ / "evaluations.jsonl"));
    EXPECT_TRUE(fs::exists(folder_ / "checkpoints/step-00000003"));
    EXPECT_TRUE(fs::exists(folder_ / ".lock"));
    EXPECT_EQ(recorder.offsets(), offsets);
    for (int step = 3; step < 6; ++step) recorder.record("steps", {{"step", step}});
    EXPECT_TRUE(recorder.dropped_lines().empty());
    recorder.finish("done");
  }
  EXPECT_EQ(text_of(folder_ / "steps.jsonl"), text_of(folder_.string() + "_straight/steps.jsonl"));
  EXPECT_EQ(read_series(folder_, "events").size(), 1u);
  const auto run = read_run_json(folder_);
  EXPECT_EQ(run.at("time").at("started"), first_start);
  EXPECT_EQ(run.at("time").at("resumed").size(), 1u);
  EXPECT_EQ(run.at("command"), "train");
  EXPECT_TRUE(fs::exists(folder_ / "DONE"));
  { Recorder again(folder_, config(), {}, offsets); }
  EXPECT_EQ(read_run_json(folder_).at("time").at("resumed").size(), 2u);
  fs::remove_all(folder_.string() + "_straight");
}

TEST_F(RecorderTest, NewRunKeepsTheLockOfItsOwnProcess) {
  fs::create_directories(folder_);
  std::ofstream(folder_ / ".lock") << "process 1";
  Recorder recorder(folder_, config(), {});
  EXPECT_TRUE(fs::exists(folder_ / ".lock"));
}

TEST_F(RecorderTest, LinesThatAPowerLossTookAreCountedOnResume) {
  Recorder::Offsets offsets;
  {
    Recorder recorder(folder_, config(), {});
    for (int step = 0; step < 3; ++step) recorder.record("steps", {{"step", step}});
    recorder.record("events", {{"event", "start"}});
    offsets = recorder.offsets();
  }
  fs::resize_file(folder_ / "steps.jsonl", static_cast<std::uintmax_t>(offsets.at("steps") - 3));
  fs::remove(folder_ / "events.jsonl");
  Recorder recorder(folder_, config(), {}, offsets);
  EXPECT_EQ(read_series(folder_, "steps").size(), 2u);
  EXPECT_EQ(recorder.dropped_lines(), (std::map<std::string, std::int64_t>{{"events", 1}, {"steps", 1}}));
  recorder.record("steps", {{"step", 3}});
  recorder.record("events", {{"event", "resumed"}});
  EXPECT_EQ(read_series(folder_, "steps").size(), 3u);
  EXPECT_EQ(read_series(folder_, "events").size(), 1u);
}

TEST_F(RecorderTest, SeriesThatCannotBeWrittenLosesItsLinesAndNothingElse) {
  fs::create_directories(folder_);
  fs::create_symlink("/dev/full", folder_ / "steps.jsonl");
  fs::create_directories(folder_ / "averages.jsonl");  // cannot even be opened
  {
    Recorder recorder(folder_, config(), {});
    testing::internal::CaptureStderr();
    for (int step = 0; step < 3; ++step) recorder.record("steps", {{"step", step}});
    recorder.record("averages", {{"round", 1}});
    recorder.record("events", {{"event", "start"}});
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_NE(said.find("steps.jsonl' cannot be written (No space left on device)"), std::string::npos) << said;
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    EXPECT_EQ(recorder.dropped_lines(), (std::map<std::string, std::int64_t>{{"averages", 1}, {"steps", 3}}));
    recorder.finish("done");
  }
  const auto run = read_run_json(folder_);
  EXPECT_EQ(run.at("status"), "done");
  EXPECT_EQ(run.at("dropped_lines").at("steps"), 3);
  EXPECT_EQ(read_series(folder_, "events").size(), 1u);
  EXPECT_FALSE(fs::exists(folder_ / "DONE")) << "an incomplete run would be taken for a whole one";
}

TEST_F(RecorderTest, LineThatOnlyHalfFitsIsTakenBackAndTheNextOnesAreWhole) {
  Recorder recorder(folder_, config(), {});
  recorder.record("steps", {{"step", 0}});
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  recorder.record("steps", {{"step", 1}, {"note", std::string(6000, 'x')}});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  recorder.record("steps", {{"step", 2}});
  const auto records = read_series(folder_, "steps");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].at("step"), 2);
  EXPECT_EQ(recorder.dropped_lines().at("steps"), 1);
}

TEST_F(RecorderTest, UnwritableFolderIsAStorageError) {
  std::ofstream(folder_) << "a file, not a folder";
  EXPECT_THROW(Recorder(folder_ / "run", config(), {}), StorageError);
}

}  // namespace
}  // namespace quasar
