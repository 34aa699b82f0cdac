// I8, I12: scarce data and weights of another format, on every rank and in every form that a run of `quasar train` takes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/recorder.h"
#include "tests/experiments/small_training.h"

namespace quasar {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class BadTrainingData : public SmallTraining {
 protected:
  /// What threads say, what quasar's own processes say, and what each of torchrun's says.
  std::vector<Outcome> everywhere(const Words& settings) const {
    const std::string processes = "workers.processes=" + std::to_string(kWorkers);
    std::vector<Outcome> outcomes = {quasar(training("threads", settings)),
                                     quasar(training("processes", Words{processes} + settings))};
    for (const Outcome& rank : under_torchrun(std::vector<Words>(kWorkers, training("torchrun", settings))))
      outcomes.push_back(rank);
    return outcomes;
  }
};

TEST_F(BadTrainingData, TooFewSamplesAreRefusedOnEveryRankAlike) {  // I12
  write_images("empty", 0, 20);
  write_images("untested", 40, 0);
  write_images("three", 3, 20);
  write_images("fifteen", kWorkers * kBatch - 1, 20);
  const struct {
    Words settings;
    std::string message;
  } cases[] = {
      {{"data.root=empty"}, "data.*: the data set is empty; choose another data.name or more images"},
      {{"data.root=untested"}, "data.*: the data set is empty; choose another data.name or more images"},
      {{"data.root=three", "data.order=partition", "workers.count=4"},
       "data.*: 3 samples are too few for workers.count = 4 with batch.local_size = 8: a worker would have no sample"},
      {{"data.root=fifteen", "data.epoch=drop"},
       "data.*: 15 samples are too few for workers.count = 2 with batch.local_size = 8: with data.epoch = drop"},
  };
  for (const auto& [settings, message] : cases) {
    for (const Outcome& outcome : everywhere(settings)) EXPECT_THAT(outcome, fails_with(2, message));
    for (const std::string where : {"threads", "processes", "torchrun"})
      for (const fs::path& run : runs(where)) {
        EXPECT_EQ(read_run_json(run).at("status"), "failed");
        EXPECT_FALSE(fs::exists(run / "steps.jsonl"));
      }
  }
}

TEST_F(BadTrainingData, FewSamplesAreGoneThroughManyTimesOnEveryRankAlike) {  // I12
  write_images("one", 1, 1);
  write_images("fifteen", kWorkers * kBatch - 1, 20);
  write_images("nine classes", 40, 20, 9);
  const struct {
    Words settings;
    int samples, batch;
  } cases[] = {{{"data.root=one"}, 1, kBatch},
               {{"data.root=fifteen"}, 15, kBatch},
               {{"data.root=fifteen", "data.order=partition", "batch.local_size=100"}, 15, 100},
               {{"data.root='nine classes'"}, 40, kBatch}};
  for (const auto& [settings, samples, batch] : cases) {
    for (const Outcome& outcome : everywhere(settings)) EXPECT_THAT(outcome, exits_with(0)) << settings.front();
    const auto summary = read_run_json(only_run("threads")).at("summary");
    EXPECT_EQ(summary.at("samples"), kSteps * kWorkers * batch);
    EXPECT_DOUBLE_EQ(read_series(only_run("threads"), "evaluations").back().at("epoch"),
                     static_cast<double>(kSteps * kWorkers * batch) / samples);
    for (const std::string where : {"processes", "torchrun"})
      EXPECT_EQ(read_run_json(only_run(where)).at("summary").at("parameter_hash"), summary.at("parameter_hash"));
    for (const std::string where : {"threads", "processes", "torchrun"}) fs::remove_all(here() / where);
  }
}

TEST_F(BadTrainingData, RanksThatWereNotStartedAlikeAllSayWhereTheyDiffer) {  // I12
  write_images("some", 40, 20);
  write_images("more", 60, 20);
  write_images("larger", 40, 20, 10, 10);
  write_images("labelled otherwise", 40, 20, 9);
  const std::pair<Words, std::string> cases[] = {{{"data.root=more"}, "data_hash"},
                                                 {{"data.root=larger"}, "data_hash"},
                                                 {{"data.root='labelled otherwise'"}, "data_hash"},
                                                 {{"learning_rate.peak=0.3"}, "config_hash"},
                                                 {{"run.seed=2"}, "config_hash"},
                                                 {{"workers.count=4"}, "config_hash"}};
  const Words usual = {"data.root=some", "checkpoint.every=0"};
  for (const auto& [other, name] : cases) {
    for (const Outcome& outcome :
         under_torchrun({training("results", usual), training("results", with_settings(usual, other))})) {
      EXPECT_THAT(outcome.code, testing::AnyOf(2, 6)) << "its own error, or that of the other, which ended first";
      EXPECT_THAT(outcome.err, AllOf(HasSubstr("the ranks were not started alike: " + name), HasSubstr("on rank 1")));
    }
    EXPECT_TRUE(runs("results").empty());
  }
}

TEST_F(BadTrainingData, StartWeightsThatAreAPickleAreRefusedByNameAndNotRun) {  // I8
  write_images("some", 40, 20);
  write_text(here() / "old.pt", std::string("\x80\2cposix\nsystem\nX\t\0\0\0touch ran\x85R.", 33));
  write_text(here() / "new.pt", std::string("PK\3\4\0\0\b\b", 8) + read_text(here() / "old.pt"));
  for (const std::string file : {"old.pt", "new.pt"})
    for (const Outcome& outcome : everywhere({"data.root=some", "start.weights=" + file}))
      EXPECT_THAT(outcome, AllOf(fails_with(4, file + ": is a pickle"), fails_with(4, "weights_only=True")));
  EXPECT_FALSE(fs::exists(here() / "ran"));
}

}  // namespace
}  // namespace quasar
