#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "core/config.h"
#include "core/recorder.h"
#include "tests/child_process.h"
#include "tests/distributed/checkpoint_for_tests.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::chrono::seconds kDeadline{30};

/// A real process that saves, stopped by strace at one system call after the other.
class CheckpointKill : public testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's own system calls would be counted; the tree without one runs this";
#endif
    if (RunningBinary("/usr/bin/env", {"strace", "-qq", "-o", "/dev/null", "true"}, folder_.path())
            .wait(kDeadline)
            .code != 0)
      GTEST_SKIP() << "strace is not installed, or may not trace here";
    CheckpointFolder before(prepared());
    fs::create_directories(prepared());
    save(before, 1, 1);
    old_ = newest_hash(prepared());
  }

  fs::path prepared() const { return folder_.path() / "prepared"; }
  fs::path run() const { return folder_.path() / "run"; }

  /// Saves step `step` from seed 2, beside the old checkpoint, with `fault` injected into the n-th call.
  Outcome save_with(const std::string& call, int n, const std::string& fault, int step) const {
    fs::remove_all(run());
    fs::copy(prepared(), run(), fs::copy_options::recursive);
    return run_with(call, n, fault, {"save", run(), std::to_string(step), "2"});
  }

  Outcome run_with(const std::string& call, int n, const std::string& fault, const Words& words) const {
    const std::string injection = "inject=" + call + ":" + fault + ":when=" + std::to_string(n);
    Words command = {"strace", "-f",      "-qq",           "-o", "/dev/null", "-e", "trace=" + call,
                     "-e",     injection, CHECKPOINT_SAVER};
    command.insert(command.end(), words.begin(), words.end());
    return RunningBinary("/usr/bin/env", command, folder_.path()).wait(kDeadline);
  }

  /// The hash of an undisturbed save.
  std::string new_hash(int step) const {
    const Outcome outcome = save_with("fsync", 60000, "signal=KILL", step);
    EXPECT_EQ(outcome.code, 0) << outcome;
    return newest_hash(run());
  }

  MemoryFolder folder_;
  std::string old_;
};

TEST_F(CheckpointKill, AtAnySystemCallLeavesTheOldOrTheNewOne) {
  int points = 0, found_old = 0, found_new = 0;
  for (const int step : {2, 1}) {  // beside the old one, and in its place
    const std::string fresh = new_hash(step);
    ASSERT_NE(fresh, old_);
    for (const std::string call : {"openat", "write", "pwrite64", "ftruncate", "fsync", "close", "rename", "renameat2",
                                   "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat"})
      for (int n = 1;; ++n) {
        const Outcome outcome = save_with(call, n, "signal=KILL", step);
        if (outcome.code == 0) break;
        ASSERT_EQ(outcome.code, 128 + SIGKILL) << call << " " << n << " " << outcome;
        ++points;
        std::vector<std::string> warnings;
        const std::string hash = newest_hash(run(), &warnings);
        ++(hash == old_ ? found_old : found_new);
        EXPECT_TRUE(hash == old_ || hash == fresh) << call << " " << n << ": " << hash;
        EXPECT_THAT(warnings, testing::IsEmpty()) << call << " " << n;
        CheckpointFolder(run()).clean();
        EXPECT_EQ(newest_hash(run()), hash) << call << " " << n << ", after cleaning";
        ASSERT_LT(n, 500);
      }
  }
  RecordProperty("points", points);
  EXPECT_GT(points, 80);
  EXPECT_GT(found_old, 40);
  EXPECT_GT(found_new, 0);
}

TEST_F(CheckpointKill, FailedSystemCallFailsTheSaveAndKeepsTheOldOne) {
  const std::string fresh = new_hash(2);
  for (const std::string call : {"write", "fsync", "rename", "mkdir"})
    for (const std::string error : {"EIO", "ENOSPC"})
      for (int n = 1;; ++n) {
        const Outcome outcome = save_with(call, n, "error=" + error, 2);
        if (outcome.code == 0) break;
        const std::string hash = newest_hash(run());
        const std::string where = call + " " + std::to_string(n) + " " + error;
        EXPECT_EQ(outcome.code, 7) << where << outcome;
        EXPECT_THAT(outcome.err, HasSubstr(run().string())) << where;
        EXPECT_TRUE(hash == old_ || (call == "fsync" && hash == fresh)) << where;
        for (const auto& entry : fs::directory_iterator(run() / "checkpoints"))
          EXPECT_FALSE(entry.path().filename().string().starts_with('.')) << entry << " left by " << where;
        if (error == "ENOSPC" && call == "write") {
          EXPECT_THAT(outcome.err,
                      testing::ContainsRegex("No space left on device; the file needs [0-9]+ bytes, [0-9]+ "
                                             "are free"));
        }
        ASSERT_LT(n, 500);
      }
}

TEST_F(CheckpointKill, OfARecordingRunLosesNoWholeLineAndRepeatsNoneAfterResumption) {
  int points = 0;
  for (const std::string call : {"openat", "write", "writev", "fsync", "rename", "close"})
    for (int n = 1;; ++n) {
      fs::remove_all(run());
      if (run_with(call, n, "signal=KILL", {"record", run()}).code == 0) break;
      if (!fs::exists(run() / "steps.jsonl")) continue;
      ++points;
      // The checkpoint of step 2, if the run got there.
      const std::string text = read_text(run() / "steps.jsonl");
      const std::string first_two = "{\"step\":0}\n{\"step\":1}\n";
      const std::int64_t at_checkpoint = text.starts_with(first_two) ? 2 : 0;
      const std::size_t whole = read_series(run(), "steps").size();
      EXPECT_EQ(text.size(), whole * first_two.size() / 2) << "half a line by " << call << " " << n;
      Recorder resumed(run(), Config::from_text("", "none"), {},
                       {{"steps", at_checkpoint * static_cast<std::int64_t>(first_two.size()) / 2}});
      for (std::int64_t step = at_checkpoint; step < 6; ++step) resumed.record("steps", {{"step", step}});
      const auto records = read_series(run(), "steps");
      ASSERT_EQ(records.size(), 6u) << call << " " << n;
      for (std::size_t step = 0; step < 6; ++step) EXPECT_EQ(records[step].at("step"), step) << call << " " << n;
      EXPECT_TRUE(resumed.dropped_lines().empty());
      ASSERT_LT(n, 500);
    }
  EXPECT_GT(points, 8);
}

TEST_F(CheckpointKill, InterruptedCallsAreMadeAgain) {
  const std::string fresh = new_hash(2);
  for (const std::string call : {"write", "fsync"})
    for (const int n : {1, 3}) {
      EXPECT_EQ(save_with(call, n, "error=EINTR", 2).code, 0);
      EXPECT_EQ(newest_hash(run()), fresh);
    }
}

}  // namespace
}  // namespace quasar
