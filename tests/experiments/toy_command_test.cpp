// `quasar toy` and `quasar merge` as a user meets them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>

#include "core/recorder.h"
#include "tests/experiments/binary.h"

namespace quasar {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

const Words kEverySeries = {"observables", "covariances", "histograms", "observable_histograms", "paths"};
const Words kEverything = {"record.observables=['cos_2phi', 'lambda_max', 'worker_dispersion', 'average_1']",
                           "record.histograms.cos_2phi=[-1.0, 1.0, 8]", "record.histogram=6", "record.paths=100"};

class ToyCommand : public CommandLine {
 protected:
  /// Runs it on the circle into a folder of results of its own.
  Outcome toy(const std::string& results, const Words& more) const {
    return quasar(Words{"toy", kCircle, "run.results=" + results} + more);
  }
  std::string text(const fs::path& folder, const std::string& series) const {
    return read_text(folder / (series + ".jsonl"));
  }
  void expect_same_bytes(const fs::path& a, const fs::path& b) const {
    for (const auto& series : kEverySeries) {
      EXPECT_FALSE(text(a, series).empty()) << series;
      EXPECT_EQ(text(a, series), text(b, series)) << series;
    }
  }
};

TEST_F(ToyCommand, RecordsWhatIsAskedForAndListsWhatThereIs) {
  const Words brief = {"ensemble.replicas=200", "training.slow_time=0.02"};
  ASSERT_THAT(toy("all", brief + kEverything + Words{"record.times=[0.02, 0.0, 0.01]"}), exits_with(0));
  const auto records = read_series(only_run("all"), "observables");
  ASSERT_EQ(records.size(), 3u);
  const json first = records.front().at("observables"), last = records.back().at("observables");
  EXPECT_NEAR(last.at("lambda_max").at("mean"), 8.0, 1e-12);  // the stiffness, everywhere on the circle
  EXPECT_EQ(first.at("worker_dispersion").at("mean"), 0.0);
  EXPECT_GT(last.at("worker_dispersion").at("mean"), 1e-5);
  for (const char* key : {"mean", "se", "sd", "n", "q05", "q25", "q50", "q75", "q95"})
    EXPECT_TRUE(last.at("cos_2phi").contains(key)) << key;
  const json covariance = read_series(only_run("all"), "covariances").back();
  EXPECT_EQ(covariance.at("observables")[3], "average_1");
  EXPECT_NEAR(covariance.at("covariance")[0][0].get<double>(), std::pow(last.at("cos_2phi").at("sd").get<double>(), 2),
              1e-12);
  EXPECT_EQ(covariance.at("covariance")[0][3], covariance.at("covariance")[3][0]);
  const json histogram = read_series(only_run("all"), "observable_histograms").back();
  std::int64_t count = histogram.at("below").get<std::int64_t>() + histogram.at("above").get<std::int64_t>();
  for (const auto& bin : histogram.at("counts")) count += bin.get<std::int64_t>();
  EXPECT_EQ(count, 200);
  EXPECT_EQ(read_series(only_run("all"), "paths").back().at("positions").size(), 100u);
  EXPECT_THAT(toy("x", {"record.observables=['cos_2ph']"}),
              AllOf(fails_with(2, "did you mean cos_2phi?"), fails_with(2, "worker_dispersion")));
  EXPECT_THAT(toy("x", {"record.histograms.cos_2ph=[0.0, 1.0, 3]"}), fails_with(2, "record.histograms.cos_2ph"));
  EXPECT_THAT(toy("x", {"record.histograms.cos_2phi=[1.0, 1.0, 3]"}), fails_with(2, "[low, high, number of bins]"));
  EXPECT_THAT(toy("x", {"record.times=[0.1]", "record.points=3"}), fails_with(2, "record.points"));
}

TEST_F(ToyCommand, ShardsMergeToTheBytesOfTheWhole) {
  const Words settings = Words{"ensemble.replicas=500", "training.slow_time=0.02", "record.points=2"} + kEverything;
  ASSERT_THAT(toy("whole", settings), exits_with(0));
  for (const int shards : {2, 3, 7}) {
    const std::string results = "by" + std::to_string(shards);
    std::vector<Words> commands;
    for (int i = 0; i < shards; ++i)
      commands.push_back(Words{"toy", kCircle, "run.results=" + results, "--shard",
                               std::to_string(i) + "/" + std::to_string(shards),
                               "ensemble.threads=" + std::to_string(1 + i % 2)} +
                         settings);
    for (const Outcome& outcome : all_of_them(commands)) ASSERT_THAT(outcome, exits_with(0));
    Words folders;
    for (const auto& folder : runs(results)) folders.insert(folders.begin(), folder);  // in any order
    ASSERT_EQ(folders.size(), static_cast<std::size_t>(shards));
    for (const std::string& folder : folders) {  // shards that ran on GPUs are merged where there is none
      std::string config = read_text(fs::path(folder) / "config.toml");
      const std::string cpu = "ensemble.device = 'cpu'";
      ASSERT_NE(config.find(cpu), std::string::npos);
      write_text(fs::path(folder) / "config.toml",
                 config.replace(config.find(cpu), cpu.size(), "ensemble.device = 'cuda'"));
    }
    ASSERT_THAT(quasar(Words{"merge"} + folders), prints("results: " + results));
    const fs::path merged = fs::path(here() / results / "circle") / only_run("whole").filename();
    expect_same_bytes(merged, only_run("whole"));
    EXPECT_EQ(read_text(merged / "config.toml").find("shard"), std::string::npos);
    EXPECT_EQ(read_run_json(merged).at("merged_from").size(), static_cast<std::size_t>(shards));
  }
}

TEST_F(ToyCommand, ShardsThatDoNotBelongTogetherAreRefusedByName) {
  const Words brief = {"ensemble.replicas=200", "training.slow_time=0.01"};
  const auto shard = [&](const std::string& results, const std::string& name, const Words& more = {}) {
    EXPECT_THAT(toy(results, brief + more + Words{"--shard", name}), exits_with(0));
    return only_run(results).string();
  };
  const std::string first = shard("a", "0/3"), second = shard("b", "1/3"), third = shard("c", "2/3");
  EXPECT_THAT(quasar({"merge", first, third}), fails_with(3, "missing: shard 1/3"));
  EXPECT_THAT(quasar({"merge", first, second, third, second}), fails_with(3, "shard 1/3 is given twice"));
  const std::string other = shard("d", "2/3", {"run.seed=2"});
  EXPECT_THAT(quasar({"merge", first, second, other}), fails_with(3, "run.seed = 2 instead of 1"));
  EXPECT_THAT(quasar({"merge", first, shard("e", "1/2")}), fails_with(3, "is shard 1/2"));
  ASSERT_THAT(toy("whole", brief), exits_with(0));
  EXPECT_THAT(quasar({"merge", only_run("whole")}), fails_with(3, "holds no shard"));
  EXPECT_THAT(quasar({"merge", "nowhere"}), fails_with(3, "nowhere"));
  fs::remove(fs::path(third) / "DONE");
  EXPECT_THAT(quasar({"merge", first, second, third}), fails_with(3, "is not finished"));
  write_text(fs::path(third) / "DONE", "");
  const std::string whole = text(second, "shard");
  const auto damaged = [&](const std::string& as) {
    write_text(fs::path(second) / "shard.jsonl", as);
    EXPECT_THAT(quasar({"merge", first, second, third}), fails_with(3, "shard.jsonl' line 1 is damaged")) << as;
  };
  damaged(whole.substr(0, 100));
  for (const auto& [key, value] :
       {std::pair("subtrees", json::array()), {"values", json::array()}, {"histograms", json::array({1})}}) {
    json line = json::parse(whole.substr(0, whole.find('\n')));
    line[key] = value;
    damaged(line.dump() + whole.substr(whole.find('\n')));
  }
  json line = json::parse(whole.substr(0, whole.find('\n')));
  line["subtrees"][0]["products"].erase(0);
  damaged(line.dump() + whole.substr(whole.find('\n')));
  for (const std::string wrong : {"3/3", "1", "-1/3", "1/0", "a/b", "1/3x"})
    EXPECT_THAT(toy("x", brief + Words{"--shard=" + wrong}), fails_with(2, "ensemble.shard"));
  EXPECT_THAT(toy("x", brief + Words{"--shard=0/9"}), fails_with(2, "too few for 9 shards"));
}

TEST_F(ToyCommand, LandscapesOfManyDimensionsAreMeasuredBesideTheirTheory) {
  for (const std::string name : {"matrix_factorization", "tanh_network"}) {
    const Words shared = {kCircle,         "landscape.name=" + name,  "sync.rule=constant",
                          "sync.period=1", "learning_rate.peak=0.02", "record.points=1"};
    ASSERT_THAT(quasar(Words{"sde", "--no-figure"} + shared + Words{"run.results=sde-" + name, "sde.paths=1"}),
                exits_with(0));
    const Words measure = Words{"toy"} + shared + Words{"run.results=toy-" + name, "ensemble.replicas=64"};
    ASSERT_THAT(quasar(measure), exits_with(0));
    const json first = read_series(only_run("toy-" + name), "observables").front().at("observables");
    const json last = read_series(only_run("toy-" + name), "observables").back().at("observables");
    const json theory = read_series(only_run("sde-" + name), "observables").back().at("observables");
    const double start = first.at("trace_hessian").at("mean"), end = last.at("trace_hessian").at("mean");
    const double predicted = theory.at("trace_hessian").at("mean");
    std::printf("%s: tr H from %.4f to %.4f, predicted %.4f\n", name.c_str(), start, end, predicted);
    EXPECT_GT(start - predicted, 0.01 * start);
    EXPECT_NEAR(end, predicted, 0.2 * (start - predicted));  // eta = 0.02; the limits are dynamic_ensemble_test's
    EXPECT_GT(last.at("distance_to_manifold").at("mean"), 0.001);
    EXPECT_LT(first.at("distance_to_manifold").at("mean"), 1e-6);
    EXPECT_THAT(quasar(measure + Words{"ensemble.precision=float32", "noise.law=label_noise",
                                       "record.observables=['lambda_max', 'worker_dispersion', 'projected_24']"}),
                exits_with(0));
    EXPECT_THAT(quasar(measure + Words{"noise.law=student_t", "noise.degrees_of_freedom=5"}),
                fails_with(2, "gaussian noise or label_noise"));
  }
}

TEST_F(ToyCommand, ShardsAreNoRunsToCompare) {
  const EnvironmentVariable no_python("QUASAR_PYTHON", "/nonexistent/python");
  const Words brief = {"ensemble.replicas=200", "training.slow_time=0.01"};
  Words shards;
  for (const std::string results : {"a", "b"}) {
    ASSERT_THAT(toy(results, brief + Words{"--shard", results == "a" ? "0/2" : "1/2"}), exits_with(0));
    shards.push_back(only_run(results));
  }
  EXPECT_THAT(quasar(Words{"compare"} + shards), AllOf(fails_with(3, shards[1]), fails_with(3, "quasar merge")));
  ASSERT_THAT(quasar(Words{"merge"} + shards), exits_with(0));
  const std::string whole = shards[0].substr(0, shards[0].find("-shard-"));
  const Outcome both = quasar({"compare", shards[0], whole});
  EXPECT_THAT(both, AllOf(exits_with(0), testing::Field("stderr", &Outcome::err, HasSubstr("left out: a shard"))));
  const fs::path comparison = only_run("results");
  const json parts = json::parse(read_text(comparison / "parts.json")).at("parts");
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].at("folder").get<std::string>().find("shard"), std::string::npos);
}

TEST_F(ToyCommand, StoppedByASignalOrKilledItGoesOnToTheSameBytes) {
  const Words settings =
      Words{"ensemble.replicas=300", "training.slow_time=20", "record.points=400", "checkpoint.seconds=0.05"} +
      kEverything;
  ASSERT_THAT(toy("straight", settings), exits_with(0));
  std::size_t lines = 0;
  const auto lines_so_far = [&] {
    const auto all = runs("stopped");
    const std::string so_far = all.empty() ? "" : read_text(all.front() / "observables.jsonl");
    return static_cast<std::size_t>(std::count(so_far.begin(), so_far.end(), '\n'));
  };
  for (const int signal : {SIGTERM, SIGKILL, SIGUSR1, SIGKILL}) {
    const auto child = start(Words{"toy", kCircle, "run.results=stopped"} + settings);
    ASSERT_TRUE(becomes_true([&] { return lines_so_far() > lines + 20; }, kDeadline));
    ASSERT_TRUE(becomes_true([&] { return fs::exists(only_run("stopped") / "replicas.state"); }, kDeadline));
    child->send(signal);
    const Outcome outcome = child->wait(kDeadline);
    if (signal != SIGKILL) {
      EXPECT_THAT(outcome, fails_with(75, "the same command goes on"));
    }
    lines = lines_so_far();
    EXPECT_LT(lines, 401u) << "it was over before the signal";
  }
  ASSERT_THAT(toy("stopped", settings + Words{"ensemble.threads=1"}), exits_with(0));
  expect_same_bytes(only_run("stopped"), only_run("straight"));
  EXPECT_EQ(read_run_json(only_run("stopped")).at("time").at("resumed").size(), 4u);
  EXPECT_FALSE(fs::exists(only_run("stopped") / "replicas.state"));
}

TEST_F(ToyCommand, ASavedStateThatIsDamagedIsRefusedByName) {
  const Words settings = {"ensemble.replicas=300", "training.slow_time=5000"};
  const auto child = start(Words{"toy", kCircle, "run.results=stopped"} + settings);
  ASSERT_TRUE(becomes_true([&] { return !runs("stopped").empty(); }, kDeadline));
  child->send(SIGTERM);
  ASSERT_THAT(child->wait(kDeadline), exits_with(75));
  const fs::path file = only_run("stopped") / "replicas.state";
  std::string flipped = read_text(file);
  flipped[flipped.size() - 9] ^= 1;
  write_text(file, flipped);
  EXPECT_THAT(toy("stopped", settings), AllOf(fails_with(4, "replicas.state"), fails_with(4, "remove the file")));
}

TEST_F(ToyCommand, ReplicasThatLeaveAreCountedNamedAndInNoAverage) {
  // a step of 0.3 on this circle throws some replicas out, and not others
  const Words wild = {"ensemble.replicas=400", "learning_rate.peak=0.2", "training.steps=40",
                      "sync.rule=constant",    "sync.period=4",          "record.points=1"};
  const Outcome strict = toy("strict", wild), tolerant = toy("tolerant", wild + Words{"ensemble.max_bad_fraction=1"});
  EXPECT_THAT(strict, AllOf(fails_with(5, "of 400 replicas ("), fails_with(5, "by step")));
  EXPECT_EQ(strict.err.find("replicas ("), strict.err.rfind("replicas (")) << "one message";
  EXPECT_THAT(tolerant, AllOf(exits_with(0), testing::Field("stderr", &Outcome::err, HasSubstr("in no average"))));
  const json last = read_series(only_run("tolerant"), "observables").back();
  const std::int64_t left = last.at("replicas_that_left");
  EXPECT_GT(left, 0);
  EXPECT_LT(left, 400);
  EXPECT_EQ(last.at("left").size(), static_cast<std::size_t>(std::min<std::int64_t>(left, 20)));
  EXPECT_EQ(last.at("observables").at("cos_2phi").at("n"), 400 - left);
}

TEST_F(ToyCommand, AReplicaWithoutAProjectionHasLeftAndTheOthersGoOn) {
  // so large a step brings weights of the diagonal network below 0, from where its flow goes elsewhere
  const Words wild = {"landscape.name=diagonal_network",
                      "learning_rate.peak=0.15",
                      "training.steps=200",
                      "sync.rule=constant",
                      "sync.period=4",
                      "ensemble.replicas=4000",
                      "record.points=1"};
  EXPECT_THAT(toy("strict", wild), AllOf(fails_with(5, "of 4000 replicas ("), fails_with(5, "without a projection")));
  ASSERT_THAT(toy("tolerant", wild + Words{"ensemble.max_bad_fraction=1"}), exits_with(0));
  const json last = read_series(only_run("tolerant"), "observables").back();
  const std::int64_t left = last.at("replicas_that_left");
  EXPECT_GT(left, 0);
  EXPECT_EQ(last.at("observables").at("log_product").at("n"), 4000 - left);
  // nothing that looks at Phi is asked for: no replica leaves
  ASSERT_THAT(toy("loss", wild + Words{"record.observables=['loss']"}), exits_with(0));
  EXPECT_EQ(read_series(only_run("loss"), "observables").back().at("replicas_that_left"), 0);
}

TEST_F(ToyCommand, WhatHasNoKernelIsRefusedBeforeAnythingRuns) {
  const Words batches = {"noise.law=minibatch"};
  EXPECT_THAT(toy("x", batches + Words{"--dry-run"}), fails_with(2, "least_squares and diagonal_network"));
  EXPECT_THAT(toy("x", {"ensemble.shard='0/9000'", "--dry-run"}), fails_with(2, "too few for 9000 shards"));
  EXPECT_THAT(toy("x", {"sweep.noise.law=['gaussian', 'minibatch']"}),
              fails_with(2, "least_squares and diagonal_network"));
  EXPECT_THAT(toy("x", {"learning_rate.peak=1e-9", "ensemble.precision=float32", "training.steps=10"}),
              AllOf(fails_with(2, "learning_rate.peak"), fails_with(2, "float64")));
  EXPECT_THAT(toy("x", {"sync.rule=constant", "sync.period=1000000000", "training.steps=1000000000"}),
              fails_with(2, "has 1000000000 steps"));
  EXPECT_TRUE(runs("x").size() <= 1);  // the last one has begun
}

TEST_F(ToyCommand, ASignalInTheMiddleOfARecordSavesAndTheRecordIsMadeAnew) {
  // a record follows a gradient flow of some milliseconds for each replica, and the steps take next to nothing
  const Words settings = {"landscape.name=tanh_network", "ensemble.replicas=200", "training.steps=40",
                          "sync.rule=constant",          "sync.period=10",        "record.points=1"};
  ASSERT_THAT(toy("straight", settings), exits_with(0));
  const auto child = start(Words{"toy", kCircle, "run.results=stopped"} + settings);
  ASSERT_TRUE(becomes_true(
      [&] { return !runs("stopped").empty() && fs::exists(runs("stopped").front() / "observables.jsonl"); },
      kDeadline));
  child->send(SIGTERM);
  EXPECT_THAT(child->wait(kDeadline), fails_with(75, "the same command goes on"));
  EXPECT_EQ(read_series(only_run("stopped"), "observables").size(), 1u) << "the last record was finished";
  ASSERT_THAT(toy("stopped", settings), exits_with(0));
  for (const char* series : {"observables", "covariances"})
    EXPECT_EQ(text(only_run("stopped"), series), text(only_run("straight"), series)) << series;
}

TEST_F(ToyCommand, WhatAveragesDoToBuffersIsPartOfWhatIsCompared) {
  const Words brief = {"training.steps=20", "ensemble.replicas=64", "optimizer.momentum=0.5", "sync.rule=constant",
                       "sync.period=10"};
  const auto id = [&](const std::string& action) {
    EXPECT_THAT(toy(action, brief + Words{"averaging.momentum=" + action}), exits_with(0));
    return read_run_json(only_run(action)).at("experiment_id").get<std::string>();
  };
  EXPECT_THAT(toy("default", brief), exits_with(0));
  EXPECT_EQ(id("keep"), read_run_json(only_run("default")).at("experiment_id"));
  EXPECT_NE(id("reset"), id("keep"));
  EXPECT_NE(id("average"), id("reset"));
}

}  // namespace
}  // namespace quasar
