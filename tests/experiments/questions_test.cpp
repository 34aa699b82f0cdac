// The questions of `quasar compare` at smoke sizes, through the binary.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "core/recorder.h"
#include "core/subprocess.h"
#include "tests/experiments/binary.h"

namespace quasar {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class Questions : public CommandLine {
 protected:
  /// Answers a question and returns the rows of its table by their kind.
  std::map<std::string, std::vector<json>> answer(const std::string& question, const Words& settings) {
    const Outcome outcome = quasar(Words{"compare", kExperiments / (question + ".toml")} + settings);
    EXPECT_THAT(outcome, exits_with(0));
    printed = outcome.out;
    std::map<std::string, std::vector<json>> rows;
    for (const auto& row : read_series(only_run("results/" + question), "table")) rows[row.at("row")].push_back(row);
    return rows;
  }
  std::string printed;

 private:
  EnvironmentVariable no_python_{"QUASAR_PYTHON", "/nonexistent/python"};  // the figures have tests of their own
};

const Words kTinyWeakError = {"circle.learning_rates=[0.08, 0.04, 0.02]", "circle.slow_time=0.512", "circle.beta=0.16",
                              "circle.qsr_round_time=0.8", "circle.stiffness=4.0"};

TEST_F(Questions, WeakErrorOfLocalSgdIsOfOrderOneAndThatOfSgdIsTooSmallForSoFewReplicas) {
  auto rows = answer("weak_error", kTinyWeakError + Words{"circle.replicas=[16384, 16384, 32768]",
                                                          "circle.sgd_replicas=[4096, 4096, 4096]"});
  ASSERT_EQ(rows["error"].size(), 18u);  // 3 regimes, 3 sizes, 2 observables
  int fitted = 0;
  for (const auto& order : rows["order"]) {
    if (order.at("observable") != "cos_2phi") continue;
    if (order.at("regime") == "sgd") {
      EXPECT_THAT(order.at("refused"), HasSubstr("replicas needed"));
      continue;
    }
    ++fitted;
    ASSERT_FALSE(order.contains("refused")) << order;
    std::printf("%s: %.3f +- %.3f (95 %%)\n", order.at("regime").get<std::string>().c_str(),
                order.at("slope").get<double>(), order.at("half_width_95").get<double>());
    EXPECT_GT(order.at("slope"), 0.7);  // the proof's 1/4 is far off
    EXPECT_LT(order.at("slope"), 1.3);
  }
  EXPECT_EQ(fitted, 2);
  EXPECT_THAT(printed, HasSubstr("**not fitted**"));
  for (const auto& error : rows["error"])  // psi belongs to the theory: the limit m = K is another one
    if (error.at("regime") == "qsr" && error.at("observable") == "cos_2phi") {
      EXPECT_GT(error.at("error_against_the_limit").get<double>() - error.at("error").get<double>(), 0.05);
    }
}

TEST_F(Questions, WeakErrorIsNotFittedThroughNoise) {
  auto rows =
      answer("weak_error", kTinyWeakError + Words{"circle.replicas=[64, 64, 64]", "circle.sgd_replicas=[64, 64, 64]"});
  ASSERT_EQ(rows["order"].size(), 6u);
  for (const auto& order : rows["order"])
    EXPECT_THAT(order.value("refused", ""), HasSubstr("replicas needed")) << order;
}

TEST_F(Questions, WeakErrorWantsWholeRounds) {
  const Words compare = {"compare", kExperiments / "weak_error.toml"};
  EXPECT_THAT(quasar(compare + kTinyWeakError + Words{"circle.beta=0.17"}), fails_with(2, "circle.beta"));
  EXPECT_THAT(quasar(compare + kTinyWeakError + Words{"circle.sgd_replicas=[64, 64, 64]", "circle.replicas=[64]"}),
              fails_with(2, "circle.replicas"));
  EXPECT_TRUE(runs().empty());
}

TEST_F(Questions, DriftMultiplierIsOnePlusPsiDiscAndNeitherPsiNorFewerWorkers) {
  auto rows = answer("drift_multiplier", {"drift_multiplier.periods=[1, 4, 64, 1024]", "drift_multiplier.steps=1024",
                                          "drift_multiplier.replicas=4096"});
  ASSERT_EQ(rows["multiplier"].size(), 4u);
  for (const auto& row : rows["multiplier"])
    std::printf("H = %d: %.4f +- %.4f, psi_disc %.4f, psi %.4f\n", row.at("sync_period").get<int>(),
                row.at("measured").get<double>(), row.at("se").get<double>(), row.at("psi_disc").get<double>(),
                row.at("psi").get<double>());
  EXPECT_EQ(rows["multiplier"][0].at("psi_disc"), 1.0);
  EXPECT_NEAR(rows["multiplier"][0].at("measured"), 1.0, 4 * rows["multiplier"][0].at("se").get<double>());
  for (std::size_t i = 1; i < 4; ++i) {
    const auto &shorter = rows["multiplier"][i - 1], &longer = rows["multiplier"][i];
    const double error = std::hypot(shorter.at("se").get<double>(), longer.at("se").get<double>());
    EXPECT_GT(longer.at("measured").get<double>() - shorter.at("measured").get<double>(), 4 * error);
  }
  ASSERT_EQ(rows["agreement"].size(), 3u);
  EXPECT_GT(rows["agreement"][0].at("p_value"), 1e-4);
  EXPECT_LT(rows["agreement"][1].at("p_value"), 1e-6);
  EXPECT_LT(rows["agreement"][2].at("p_value"), 1e-6);
  // the same folder again: the same answer
  const fs::path folder = only_run("results/drift_multiplier");
  EXPECT_THAT(quasar({"compare", folder}), prints("1 + (K-2) psi_disc"));
}

TEST_F(Questions, DriftMultiplierWantsPeriodsThatDivideTheSteps) {
  EXPECT_THAT(quasar({"compare", kExperiments / "drift_multiplier.toml", "drift_multiplier.periods=[3]"}),
              fails_with(2, "3 does not divide"));
  EXPECT_THAT(quasar({"compare", kExperiments / "drift_multiplier.toml", "drift_multiplier.periods=[]"}),
              fails_with(2, "drift_multiplier.periods = []: must name at least one"));
}

TEST_F(Questions, StationaryLawsAreThoseOfTheirRegimes) {
  auto rows = answer("stationary", {"periodic_valley.replicas=1000", "circle.replicas=1000", "circle.bins=12",
                                    "periodic_valley.bins=12", "periodic_valley.slow_time=16", "circle.slow_time=4",
                                    "periodic_valley.learning_rate=0.02", "periodic_valley.alpha=0.2"});
  ASSERT_EQ(rows["histogram"].size(), 6u);
  for (const auto& row : rows["histogram"]) {
    const std::string regime = row.at("regime");
    for (const auto& [law, test] : row.at("tests").items()) {
      std::printf("%s %s under the law of %s: chi-square %.1f / %.0f\n", row.at("panel").get<std::string>().c_str(),
                  regime.c_str(), law.c_str(), test.at("chi_square").get<double>(),
                  test.at("degrees_of_freedom").get<double>());
      if (law == regime) {
        EXPECT_GT(test.at("p_value"), 1e-4);
      } else {
        EXPECT_LT(test.at("p_value"), 1e-6);
      }
    }
  }
}

TEST_F(Questions, BackwardEquationAgreesWithPathsOfTheSlowSde) {
  ASSERT_THAT(quasar({"sde", "--no-figure", kCircle, "run.results=backward", "sde.solver=backward_equation"}),
              exits_with(0));
  ASSERT_THAT(quasar({"sde", "--no-figure", kCircle, "run.results=paths", "sde.steps=128", "sde.retraction=newton"}),
              exits_with(0));
  const auto exact = read_series(only_run("backward"), "observables"),
             paths = read_series(only_run("paths"), "observables");
  ASSERT_EQ(exact.size(), paths.size());
  for (const std::string name : {"cos_2phi", "sin_2phi"})
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const auto& mean = paths[i].at("observables").at(name);
      const double difference =
          mean.at("mean").get<double>() - exact[i].at("observables").at(name).at("mean").get<double>();
      EXPECT_NEAR(difference, 0.0, 4 * mean.at("se").get<double>() + 0.002) << name << " " << i;  // Euler: 0.0013
    }
}

TEST_F(Questions, HistogramsCountEveryReplicaAndDoNotDependOnThreads) {
  const Words toy = {"toy", kCircle, "record.histogram=8", "ensemble.replicas=300", "training.slow_time=0.1"};
  for (const std::string threads : {"1", "2"})
    ASSERT_THAT(quasar(toy + Words{"run.results=r" + threads, "ensemble.threads=" + threads}), exits_with(0));
  const auto one = read_series(only_run("r1"), "histograms");
  EXPECT_EQ(one, read_series(only_run("r2"), "histograms"));
  EXPECT_EQ(one.front().at("counts"), (json{0, 300, 0, 0, 0, 0, 0, 0}));  // phi = 0.6 of pi
  for (const auto& record : one) {
    int replicas = 0;
    for (const auto& count : record.at("counts")) replicas += count.get<int>();
    EXPECT_EQ(replicas, 300);
  }
}

TEST_F(Questions, WhatNeedsAClosedCurveSaysSo) {
  EXPECT_THAT(quasar({"sde", kValley, "sde.solver=backward_equation"}),
              fails_with(2, "circle, ellipse or periodic_valley"));
  EXPECT_THAT(quasar({"toy", kValley, "record.histogram=10"}), fails_with(2, "circle, ellipse or periodic_valley"));
  EXPECT_THAT(quasar({"sde", kCircle, "sde.solver=backward_equation", "sde.nodes=33"}), fails_with(2, "sde.nodes"));
  EXPECT_THAT(quasar({"compare", kExperiments / "stationary.toml", "compare.question=why"}),
              fails_with(2, "weak_error"));
  EXPECT_TRUE(runs().empty());
}

}  // namespace
}  // namespace quasar
