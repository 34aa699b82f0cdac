#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/errors.h"
#include "tests/distributed/checkpoint_for_tests.h"
#include "tests/distributed/recording_file_system.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;
using Kind = RecordingFileSystem::Kind;

constexpr std::size_t kNumbers = 3000;  // three 4096-byte pages of weights

/// What is done under observation, and what may be found where the power fails in the middle of it.
struct Scenario {
  std::string name;
  std::function<void(CheckpointFolder&)> before, observed;
};

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = {
      {"first", [](CheckpointFolder&) {}, [](CheckpointFolder& folder) { save(folder, 2, 2, {}, kNumbers); }},
      {"second", [](CheckpointFolder& folder) { save(folder, 1, 1, {}, kNumbers); },
       [](CheckpointFolder& folder) { save(folder, 2, 2, {}, kNumbers); }},
      {"replacing", [](CheckpointFolder& folder) { save(folder, 2, 1, {}, kNumbers); },
       [](CheckpointFolder& folder) { save(folder, 2, 2, {}, kNumbers); }},
      {"with the old one deleted", [](CheckpointFolder& folder) { save(folder, 1, 1, {}, kNumbers); },
       [](CheckpointFolder& folder) {
         save(folder, 2, 2, {}, kNumbers);
         folder.apply({1, 0, false});
       }}};
  return all;
}

struct Recording {
  PowerLossModel start;
  std::vector<RecordingFileSystem::Operation> operations;
  std::string before, after;  // hashes
};

Recording record(const Scenario& scenario, const fs::path& run) {
  RecordingFileSystem files;
  CheckpointFolder folder(run, files);
  scenario.before(folder);
  files.operations.clear();
  Recording recording{PowerLossModel(run), {}, newest_hash(run), ""};
  scenario.observed(folder);
  recording.operations = files.operations;
  recording.after = newest_hash(run);
  return recording;
}

/// Loses power after every operation; returns what went wrong. Operation `left_out` never reaches the disk.
std::vector<std::string> sweep(const Recording& recording, const fs::path& disk, std::size_t left_out, int* states) {
  static std::map<PowerLossModel::Tree, std::string> known;
  std::vector<std::string> faults;
  PowerLossModel model = recording.start;
  for (std::size_t done = 0; done <= recording.operations.size(); ++done) {
    if (done > 0 && done - 1 != left_out) model.apply(recording.operations[done - 1]);
    for (const auto& tree : model.states()) {
      auto [found, is_new] = known.try_emplace(tree);
      if (is_new) {
        PowerLossModel::put(tree, disk);
        found->second = newest_hash(disk);
      }
      ++*states;
      const bool finished = done == recording.operations.size();
      if (found->second != recording.after && (finished || found->second != recording.before))
        faults.push_back("after operation " + std::to_string(done) + (finished ? " (the last)" : ""));
    }
  }
  return faults;
}

constexpr auto kNone = static_cast<std::size_t>(-1);

TEST(CheckpointPowerLoss, LeavesTheOldOrTheNewOneAndTheNewOneOnceSaved) {
  for (const Scenario& scenario : scenarios()) {
    const MemoryFolder run, disk;
    const Recording recording = record(scenario, run.path());
    int states = 0;
    EXPECT_NE(recording.before, recording.after);
    EXPECT_THAT(sweep(recording, disk.path() / "run", kNone, &states), testing::IsEmpty()) << scenario.name;
    EXPECT_GT(states, 80) << scenario.name;
  }
}

// The check of the check: it must notice any one fsync that is missing.
TEST(CheckpointPowerLoss, EveryOneOfTheSyncsIsNeeded) {
  for (const Scenario& scenario : scenarios()) {
    const MemoryFolder run, disk;
    const Recording recording = record(scenario, run.path());
    int syncs = 0, states = 0;
    for (std::size_t i = 0; i < recording.operations.size(); ++i) {
      const auto& operation = recording.operations[i];
      if (operation.kind != Kind::sync && operation.kind != Kind::sync_folder) continue;
      ++syncs;
      EXPECT_THAT(sweep(recording, disk.path() / "run", i, &states), testing::Not(testing::IsEmpty()))
          << scenario.name << ": nothing is lost without the sync of " << operation.path;
    }
    EXPECT_GE(syncs, 5) << scenario.name;  // three files and two folders
  }
}

/// Passes on every call but the n-th, which fails; with `for_good`, so does every later one that would need room.
class FailingFileSystem final : public FileSystem {
 public:
  FailingFileSystem(int fails_at, bool for_good) : fails_at_(fails_at), for_good_(for_good) {}

  std::string failed;  ///< the call that failed first

  std::unique_ptr<OutputFile> create(const fs::path& file, std::int64_t bytes) override {
    count("create", true);
    return std::make_unique<File>(*this, real_file_system().create(file, bytes));
  }
  void create_folder(const fs::path& folder) override {
    count("create_folder", true);
    real_file_system().create_folder(folder);
  }
  void sync_folder(const fs::path& folder) override {
    count("sync_folder", true);
    real_file_system().sync_folder(folder);
  }
  void rename(const fs::path& from, const fs::path& to) override {
    count("rename", false);
    real_file_system().rename(from, to);
  }
  void remove(const fs::path& path) override {
    count("remove", false);
    real_file_system().remove(path);
  }
  std::vector<std::string> list(const fs::path& folder) override {
    count("list", false);
    return real_file_system().list(folder);
  }

 private:
  class File final : public OutputFile {
   public:
    File(FailingFileSystem& owner, std::unique_ptr<OutputFile> real) : owner_(owner), real_(std::move(real)) {}
    void write(std::span<const std::byte> bytes) override {
      real_->write(bytes.first(bytes.size() / 2));  // a full disk takes what it can
      owner_.count("write", true);
      real_->write(bytes.subspan(bytes.size() / 2));
    }
    void sync() override {
      EXPECT_FALSE(sync_failed_) << "a failed fsync was asked for again";
      sync_failed_ = true;
      owner_.count("sync", true);
      sync_failed_ = false;
      real_->sync();
    }
    void close() override {
      owner_.count("close", true);
      real_->close();
    }

   private:
    FailingFileSystem& owner_;
    std::unique_ptr<OutputFile> real_;
    bool sync_failed_ = false;
  };

  void count(const std::string& call, bool needs_room) {
    ++calls_;
    if (calls_ != fails_at_ && !(for_good_ && needs_room && calls_ > fails_at_)) return;
    if (failed.empty()) failed = call;
    throw StorageError("injected into " + call);
  }

  int fails_at_, calls_ = 0;
  bool for_good_;
};

TEST(CheckpointFailure, OfAnyCallLeavesTheOldOneLoadableAndNothingBehind) {
  for (const std::int64_t step : {2, 1})  // beside the old one, and in its place
    for (const bool for_good : {false, true})
      for (int n = 1;; ++n) {
        const MemoryFolder run;
        {
          CheckpointFolder folder(run.path());
          save(folder, 1, 1);
        }
        const std::string old = newest_hash(run.path());
        FailingFileSystem files(n, for_good);
        CheckpointFolder folder(run.path(), files);
        bool saved = false;
        try {
          save(folder, step, 2);
          saved = true;
        } catch (const StorageError&) {
        }
        if (files.failed.empty()) {
          EXPECT_GT(n, 15);
          break;
        }
        const std::string where = "call " + std::to_string(n) + ", " + files.failed;
        EXPECT_EQ(saved, files.failed == "remove" || files.failed == "list") << where;  // only clearing up may fail
        std::vector<std::string> warnings;
        const std::string after = newest_hash(run.path(), &warnings);
        EXPECT_THAT(warnings, testing::IsEmpty()) << where;
        // A last sync that fails comes after the rename, when the new one is there already.
        if (after != old) {
          EXPECT_THAT(files.failed, testing::AnyOf("sync_folder", "remove", "list")) << where;
        }
        const auto leftovers = [&] {
          std::vector<std::string> names;
          for (const auto& entry : fs::directory_iterator(run.path() / "checkpoints"))
            if (entry.path().filename().string().starts_with('.')) names.push_back(entry.path().filename());
          return names;
        };
        const bool could_clear_up = files.failed != "remove" && files.failed != "list" && files.failed != "sync_folder";
        if (could_clear_up) {
          EXPECT_THAT(leftovers(), testing::IsEmpty()) << where;
        }
        CheckpointFolder working(run.path());
        working.clean();
        EXPECT_EQ(newest_hash(run.path()), after) << where;
        EXPECT_THAT(leftovers(), testing::IsEmpty()) << "not cleaned after " << where;
        save(working, step, 3);
        EXPECT_EQ(CheckpointFolder(run.path()).open(step).about.at("seed"), 3) << where;
      }
}

}  // namespace
}  // namespace quasar
