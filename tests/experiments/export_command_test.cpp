// quasar export, and quasar compare of training runs, on results folders written by the test itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/recorder.h"
#include "experiments/training_comparison.h"
#include "tests/experiments/binary.h"

namespace quasar {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// A finished training run; `seconds` of the whole training, `collectives` of these in all-reduces.
struct MadeUpRun {
  std::string settings;
  int averages = 100;
  double seconds = 10.0, collectives = 0.0;
};

constexpr int kSteps = 100;
const std::string kCommon =
    "workers.count = 4\nbatch.local_size = 32\nnetwork.name = \"cnn\"\ntraining.steps = 100\nrun.seed = 1\n";
const std::string kCifar = "data.name = \"cifar10\"\n";

class TrainingRuns : public CommandLine {
 protected:
  std::string write(const std::string& name, const MadeUpRun& run) const {
    const fs::path folder = here() / "trained" / name;
    fs::create_directories(folder);
    const json summary = {{"steps", kSteps},
                          {"rounds", run.averages},
                          {"averages", run.averages},
                          {"averaged_bytes", 1e6 * run.averages},
                          {"volume", run.averages / 100.0},
                          {"test_accuracy", 0.875},
                          {"test_loss", nullptr},
                          {"time",
                           {{"training_seconds", run.seconds},
                            {"collective_seconds", run.collectives},
                            {"samples_per_second", 12800 / run.seconds}}}};
    const json info = {{"format", 1},      {"command", "train"}, {"kind", "training"}, {"system", "network"},
                       {"num_workers", 4}, {"status", "done"},   {"summary", summary}};
    write_text(folder / "run.json", info.dump());
    write_text(folder / "config.toml", kCommon + run.settings);
    write_text(folder / "evaluations.jsonl", "{\"step\": 100, \"accuracy\": 0.875}\n");
    write_text(folder / "DONE", "");
    return folder;
  }
  std::string parallel(double seconds) const {
    return write("parallel", {kCifar + "sync.rule = \"parallel\"\n", 100, seconds, 0.0});
  }
  std::string constant(const std::string& name = "constant", const std::string& more = kCifar) const {
    return write(name, {more + "sync.rule = \"constant\"\nsync.period = 10\n", 10, 10.5, 0.5});
  }
  json overlap() const {
    for (const auto& row : read_series(only_run(), "table"))
      if (row.at("row") == "overlap") return row;
    return nullptr;
  }

 private:
  const EnvironmentVariable no_python_{"QUASAR_PYTHON", "/nonexistent/python"};
};

TEST_F(TrainingRuns, TableHasALineARunWithWhatItSent) {
  const Outcome outcome = quasar({"compare", parallel(12.0), constant()});
  EXPECT_EQ(outcome.code, 0) << outcome;
  EXPECT_THAT(outcome.out, HasSubstr("| parallel | 4 | 100 | 100 | 100.00 | 100.0 | 0.8750 | - | 12.0 | 1067 |"));
  EXPECT_THAT(outcome.out, HasSubstr("| constant H=10 | 4 | 100 | 10 | 10.00 | 10.0 | 0.8750 | - | 10.5 | 1219 |"));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("draw.py"), HasSubstr("table.md"), Not(HasSubstr("cannot be compared"))));
  EXPECT_THAT(read_text(only_run() / "table.md"), HasSubstr("| parallel |"));
}

// T = 50 ms and H = 10 save 45 ms; a step takes 100 ms of computation, so a parallel one of 120 ms hides 30 ms of T.
TEST_F(TrainingRuns, LocalSgdPaysWhereItSavesMoreThanBackwardHides) {
  EXPECT_THAT(quasar({"compare", parallel(12.0), constant()}).out, HasSubstr("**pays**"));
  const json row = overlap();
  EXPECT_NEAR(row.at("all_reduce_seconds"), 0.05, 1e-12);
  EXPECT_NEAR(row.at("saved_seconds"), 0.045, 1e-12);
  EXPECT_NEAR(row.at("hidden_seconds"), 0.03, 1e-12);
}

TEST_F(TrainingRuns, LocalSgdDoesNotPayWhereBackwardHidesTheAllReduce) {
  EXPECT_THAT(quasar({"compare", parallel(10.2), constant()}).out, HasSubstr("**does not pay**"));
  EXPECT_NEAR(overlap().at("hidden_seconds"), 0.048, 1e-12);
}

TEST_F(TrainingRuns, WithoutAParallelRunOfTheSameStepNothingIsClaimed) {
  const std::string other = write("parallel", {kCifar + "sync.rule = \"parallel\"\nworkers.processes = 4\n"});
  const Outcome outcome = quasar({"compare", other, constant()});
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("is not known"), Not(HasSubstr("pay**"))));
}

TEST_F(TrainingRuns, RunsOfDifferentTasksAreSaidNotToBeComparable) {
  const Outcome outcome = quasar({"compare", parallel(12.0), constant("mnist", "data.name = \"mnist\"\n")});
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("cannot be compared"), HasSubstr("- data.name: cifar10, mnist")));
}

TEST_F(TrainingRuns, ComparisonIsMadeAgainWhenARunHasGoneOn) {
  const std::string folder = constant();
  const auto compare = [&] { return quasar({"compare", folder}).out; };
  compare();
  fs::last_write_time(only_run() / "DONE", fs::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_THAT(compare(), HasSubstr("done before"));
  fs::last_write_time(fs::path(folder) / "evaluations.jsonl", fs::file_time_type::clock::now() + std::chrono::hours(2));
  EXPECT_THAT(compare(), Not(HasSubstr("done before")));
}

TEST_F(TrainingRuns, ComparisonOfComparisonsOpensThem) {
  const std::string first = parallel(12.0), second = constant();
  ASSERT_EQ(quasar({"compare", first}).code, 0);
  EXPECT_THAT(quasar({"compare", only_run(), second}).out, AllOf(HasSubstr("| parallel |"), HasSubstr("**pays**")));
}

TEST_F(TrainingRuns, TheoryAndTrainingGiveTwoComparisons) {
  ASSERT_EQ(quasar({"toy", kValley, "run.results=toy", "ensemble.replicas=8", "training.steps=100"}).code, 0);
  const Outcome outcome = quasar({"compare", constant(), only_run("toy")});
  EXPECT_EQ(outcome.code, 0) << outcome;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("no axis in common"), HasSubstr("Left out"), HasSubstr("| constant H=10 |")));
  EXPECT_EQ(runs().size(), 2u);
}

TEST_F(TrainingRuns, UnfinishedRunIsShownAsFarAsItGot) {
  const fs::path folder = constant();
  json info = json::parse(read_text(folder / "run.json"));
  info["status"] = "running";
  info.erase("summary");
  write_text(folder / "run.json", info.dump());
  fs::remove(folder / "DONE");
  write_text(folder / "steps.jsonl", "{\"step\": 40, \"time\": {\"wall\": 4.0}}\n{\"step\": 41, \"ti");
  const Outcome outcome = quasar({"compare", folder});
  EXPECT_THAT(outcome.out, HasSubstr("| constant H=10 (running) | 4 | 40 | - | - | - | 0.8750 | - | 4.0 | - |"));
}

TEST_F(TrainingRuns, FoldersWithNothingToCompareAreLeftOutByName) {
  const std::string failed = write("failed", {kCifar + "sync.rule = \"parallel\"\n"});
  for (const char* series : {"steps", "averages", "evaluations"})
    fs::remove(fs::path(failed) / (series + std::string(".jsonl")));
  json info = json::parse(read_text(fs::path(failed) / "run.json"));
  info["status"] = "failed", info["error"] = "the disk is full";
  write_text(fs::path(failed) / "run.json", info.dump());
  fs::create_directories(here() / "empty");
  const Outcome outcome = quasar({"compare", failed, constant(), here() / "empty"});
  EXPECT_THAT(outcome, prints("| constant H=10 | 4 |"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("| parallel |")));
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("'" + failed + "' is left out: it recorded nothing (status failed: the disk is full)"),
                    HasSubstr("empty' is left out: ")));
  EXPECT_THAT(quasar({"compare", failed, here() / "empty"}), fails_with(3, "none of these folders"));
  EXPECT_THAT(quasar({"compare", here() / "empty"}), fails_with(3, "has no run.json"));
}

TEST_F(TrainingRuns, EqualMethodsAreToldApartByTheirSettings) {
  const std::string rule = kCifar + "sync.rule = \"qsr\"\nsync.alpha = 0.1\nlearning_rate.peak = ";
  const std::vector<std::string> folders = {write("a", {rule + "0.1\n"}), write("b", {rule + "0.2\n"}), constant("c")};
  const auto runs = load_trained_runs(folders);
  EXPECT_EQ(runs[0].method, "QSR α=0.1, η=0.1");
  EXPECT_EQ(runs[1].method, "QSR α=0.1, η=0.2");
  EXPECT_EQ(runs[2].method, "constant H=10");
  const auto same = load_trained_runs({constant("c"), constant("d")});
  EXPECT_EQ(same[0].method, "constant H=10 (c)");
}

TEST(MethodOfARun, IsReadFromItsSettings) {
  using Settings = std::map<std::string, std::string>;
  const std::vector<std::pair<Settings, std::string>> cases = {
      {{{"sync.rule", "parallel"}}, "parallel"},
      {{{"sync.rule", "constant"}, {"sync.period", "8"}}, "constant H=8"},
      {{{"sync.rule", "inverse"}, {"sync.beta", "0.4"}, {"sync.base_period", "1"}}, "H=β/η, β=0.4"},
      {{{"sync.rule", "qsr"}, {"sync.alpha", "0.0175"}, {"sync.base_period", "4"}}, "QSR α=0.0175, H≥4"},
      {{{"sync.rule", "power"}, {"sync.alpha", "0.1"}, {"sync.power", "3.0"}}, "H=(α/η)^3.0, α=0.1"},
      {{{"sync.rule", "constant"}, {"sync.period", "16"}, {"sync.switch_step", "200"}},
       "post-local from step 200, H=16"},
      {{{"sync.rule", "constant"}, {"sync.period", "8"}, {"outer.name", "slowmo"}, {"outer.beta", "0.6"}},
       "SlowMo β=0.6, H=8"},
      {{{"sync.rule", "constant"}, {"sync.period", "50"}, {"outer.name", "diloco"}}, "DiLoCo, H=50"},
      {{{"sync.rule", "swap"}, {"sync.switch_step", "90"}}, "post-local from step 90, SWAP"},
      {{{"sync.rule", "constant"}, {"sync.period", "4"}, {"outer.name", "none"}, {"norm_test.tolerance", "0.8"}},
       "constant H=4, norm test ϑ=0.8"}};
  for (const auto& [settings, method] : cases) EXPECT_EQ(method_of(settings), method);
}

TEST_F(TrainingRuns, ExportWithoutPythonPrintsTheLineToRun) {
  const Outcome outcome = quasar({"export", constant(), "--format", "tensorboard"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("/nonexistent/python"), HasSubstr("export.py --format=tensorboard")));
}

TEST_F(TrainingRuns, ExportRefusesWhatIsNoFolderAndNamesIt) {
  const Outcome outcome = quasar({"export", "absent"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("'absent'"));
}

class Export : public CommandLine {};

TEST_F(Export, WritesTheRecordsOfARunAndReturnsThePythonsCode) {
  if (quasar({"doctor"}).out.find(", with matplotlib") == std::string::npos)
    GTEST_SKIP() << "no Python with the packages of notebooks/requirements.txt";
  ASSERT_EQ(quasar({"toy", kValley, "ensemble.replicas=8", "training.steps=100"}).code, 0);
  const fs::path run = only_run();
  const Outcome outcome = quasar({"export", run, "--out", "copies"});
  EXPECT_EQ(outcome.code, 0) << outcome;
  const fs::path file = here() / "copies" / "valley" / run.filename() / "observables.csv";
  EXPECT_THAT(read_text(file), testing::StartsWith("step,observables."));
  write_text(run / "observables.jsonl", "{\"torn");
  EXPECT_EQ(quasar({"export", run}).code, 3);
}

}  // namespace
}  // namespace quasar
