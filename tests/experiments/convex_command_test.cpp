// quasar convex and the question it answers, through the binary, on small files.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "core/recorder.h"
#include "distributed/data/find_data.h"
#include "tests/experiments/binary.h"

namespace quasar {
namespace {

using nlohmann::json;

class Convex : public CommandLine {
 protected:
  Convex() {
    // 60 rows of 4 features, labelled by a noisy line.
    std::ofstream rows(here() / "heart_scale");
    std::mt19937 random(5);
    std::normal_distribution<double> normal;
    for (int i = 0; i < 60; ++i) {
      const double z[] = {normal(random), normal(random), normal(random), normal(random)};
      rows << (z[0] - 0.5 * z[2] + 0.7 * normal(random) > 0.0 ? "+1" : "-1");
      for (int j = 0; j < 4; ++j) rows << ' ' << j + 1 << ':' << z[j];
      rows << '\n';
    }
    std::ofstream(here() / "some.toml") << "[data]\nfile = 'heart_scale'\n[convex]\nregularization = 0.1\n"
                                           "max_gradients = 40000\nepsilon = 2e-3\n[learning_rate]\nshifts = [50]\n";
  }
  EnvironmentVariable no_python_{"QUASAR_PYTHON", "/nonexistent/python"};
};

TEST_F(Convex, GradientsToEpsilonAreRecordedForEveryKAndH) {
  EXPECT_THAT(quasar({"convex", "some.toml", "workers.counts=[1, 8]", "sync.periods=[1, 5]"}), exits_with(0));
  const auto runs = read_series(only_run(), "runs");
  ASSERT_EQ(runs.size(), 8u);  // two K, two H, two shifts
  for (const json& run : runs) {
    const double steps = run.at("steps_to_epsilon");
    EXPECT_LE(steps, run.at("step").get<double>());
    EXPECT_GE(steps, run.at("step").get<double>() / 1.1 - run.at("sync_period").get<double>());
    EXPECT_LE(run.at("gap"), 2e-3);
    EXPECT_EQ(run.at("gradients").get<std::int64_t>(),
              run.at("step").get<std::int64_t>() * run.at("num_workers").get<int>());
    EXPECT_EQ(run.contains("bound"), run.at("theory").get<bool>());
    if (run.contains("bound")) {
      EXPECT_GT(run.at("bound"), run.at("gap"));
    }
  }
  const json problem = read_run_json(only_run()).at("convex");
  EXPECT_EQ(problem.at("samples"), 60);
  EXPECT_LE(problem.at("minimum_is_certain_to"), 1e-12);
}

TEST_F(Convex, ThreadsAndStorageDoNotChangeTheRuns) {
  const Words grid = {"workers.counts=[1, 4]", "sync.periods=[3]"};
  EXPECT_THAT(quasar(Words{"convex", "some.toml", "ensemble.threads=1", "run.results=one"} + grid), exits_with(0));
  EXPECT_THAT(quasar(Words{"convex", "some.toml", "ensemble.threads=3", "run.results=three"} + grid), exits_with(0));
  EXPECT_THAT(quasar(Words{"convex", "some.toml", "convex.storage=dense", "run.results=dense"} + grid), exits_with(0));
  const auto one = read_series(only_run("one"), "runs"), dense = read_series(only_run("dense"), "runs");
  EXPECT_EQ(one, read_series(only_run("three"), "runs"));
  ASSERT_EQ(one.size(), dense.size());
  for (std::size_t i = 0; i < one.size(); ++i)
    EXPECT_NEAR(one[i].at("gap").get<double>(), dense[i].at("gap").get<double>(), 1e-12);
}

TEST_F(Convex, TheQuestionPutsSpeedUpsAndBoundsIntoItsTable) {
  const Outcome outcome = quasar({"compare", kExperiments / "stich.toml", "data.name=heart_scale", "data.root='.'",
                                  "convex.regularization=0.1", "convex.epsilon=2e-3", "convex.max_gradients=40000",
                                  "convex.storage=dense", "workers.counts=[1, 4]", "sync.periods=[1, 5]"});
  EXPECT_THAT(outcome, prints("asynchronous | 4 | 5"));
  fs::path table;
  for (const auto& folder : runs())
    if (fs::exists(folder / "table.jsonl")) table = folder;
  int cells = 0, bounds = 0;
  for (const json& row : read_series(table, "table")) {
    if (row.at("row") == "bound") {
      ++bounds;
      EXPECT_GT(row.at("bound"), row.at("gap"));
      continue;
    }
    ++cells;
    ASSERT_EQ(row.at("speed_up").size(), 2u);
    const double free = row.at("speed_up")[0].at("value"), paid = row.at("speed_up")[1].at("value");
    EXPECT_EQ(row.at("speed_up")[0].at("communication_cost"), 0.0);
    if (row.at("num_workers") == 1 && row.at("sync_period") == 1) {
      EXPECT_EQ(free, 1.0);
      EXPECT_EQ(paid, 1.0);
    }
    // 4 gradients a step of a worker, and 25 an average.
    if (row.at("num_workers") == 4) {
      EXPECT_NEAR(paid / free, 4 / (4 + 25.0 / row.at("sync_period").get<double>()), 1e-12);
    }
  }
  EXPECT_EQ(cells, 8);
  EXPECT_EQ(bounds, 4);
}

TEST_F(Convex, StepsThatAreTooLongAreARecordOfTheirOwn) {
  std::ofstream(here() / "steep") << "1 1:100\n2 1:90 2:50\n-1 1:80\n";
  const Outcome outcome = quasar({"convex", "some.toml", "data.file=steep", "convex.loss=ridge", "workers.counts=[1]",
                                  "sync.periods=[1]", "learning_rate.shifts=[4]"});
  EXPECT_THAT(outcome, prints("diverged"));
  EXPECT_TRUE(read_series(only_run(), "runs")[0].at("gap").is_null());
}

TEST_F(Convex, BadInputIsNamed) {
  std::ofstream(here() / "three") << "1 1:1\n2 1:2\n3 1:1\n";
  std::ofstream(here() / "bad") << "1 1:1\n2 1:spam\n";
  EXPECT_THAT(quasar({"convex", "some.toml", "data.file=bad"}), fails_with(3, "line 2"));
  EXPECT_THAT(quasar({"convex", "some.toml", "data.file=three"}), fails_with(3, "3 different labels"));
  EXPECT_THAT(quasar({"convex", "some.toml", "data.file=nowhere"}), fails_with(3, "nowhere: cannot be opened"));
  EXPECT_THAT(quasar({"convex", "some.toml", "data.name=w8a"}), fails_with(2, "contradicts data.name"));
  EXPECT_THAT(quasar({"convex", "some.toml", "learning_rate.shifts=[3]"}), fails_with(2, "learning_rate.shifts"));
  EXPECT_THAT(quasar({"convex", "some.toml", "workers.counts=[0]"}), fails_with(2, "workers.counts"));
  EXPECT_THAT(quasar({"convex", "some.toml", "convex.loss=hinge"}), fails_with(2, "convex.loss"));
}

struct RealSet {
  const char* name;
  int samples, features;
};

/// LIBSVM's sets, which Python unpacks.
class RealSets : public CommandLine, public testing::WithParamInterface<RealSet> {};

TEST_P(RealSets, RunByTheirNameAloneSparseAndDense) {
  const RealSet& set = GetParam();
  if (!find_dataset(set.name, "", Download::never)) GTEST_SKIP() << "the data set " << set.name << " is not here";
  std::ofstream(here() / "real.toml") << "[convex]\nregularization = 0.01\nmax_gradients = 2000\n"
                                         "[workers]\ncounts = [4]\n[sync]\nperiods = [4]\n";
  std::vector<double> gaps;
  for (const std::string storage : {"sparse", "dense"}) {
    if (storage == "dense" && set.features > 1000) continue;  // hundreds of MB
    EXPECT_THAT(quasar({"convex", "real.toml", std::string("data.name=") + set.name, "convex.storage=" + storage,
                        "run.results=" + storage}),
                exits_with(0));
    const json problem = read_run_json(only_run(storage)).at("convex");
    EXPECT_EQ(problem.at("samples"), set.samples);
    EXPECT_EQ(problem.at("features"), set.features);
    EXPECT_LE(problem.at("minimum_is_certain_to"), 1e-12);
    EXPECT_LT(problem.at("minimum"), problem.at("value_at_start"));
    gaps.push_back(read_series(only_run(storage), "runs").front().at("gap"));
    EXPECT_LT(gaps.back(), problem.at("value_at_start").get<double>() - problem.at("minimum").get<double>());
    EXPECT_NEAR(gaps.back(), gaps.front(), 1e-9 * gaps.front() + 1e-12);
  }
}

INSTANTIATE_TEST_SUITE_P(OfLibsvm, RealSets,
                         testing::Values(RealSet{"a9a", 32561, 123}, RealSet{"a9a.t", 16281, 122},
                                         RealSet{"german.numer", 1000, 24}, RealSet{"heart_scale", 270, 13},
                                         RealSet{"ionosphere_scale", 351, 34}, RealSet{"mushrooms", 8124, 112},
                                         RealSet{"phishing", 11055, 68}, RealSet{"rcv1_small", 1000, 47117},
                                         RealSet{"splice", 3175, 60}, RealSet{"svmguide1", 7089, 4},
                                         RealSet{"w8a", 49749, 300}),
                         [](const auto& set) {
                           std::string name = set.param.name;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace quasar
