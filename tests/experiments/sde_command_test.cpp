// `quasar sde` as a user meets it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/recorder.h"
#include "tests/experiments/binary.h"

namespace quasar {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

class SdeCommand : public CommandLine {
 protected:
  /// Runs it on the circle into a folder of results of its own.
  Outcome sde(const std::string& results, const Words& more) const {
    return quasar(Words{"sde", "--no-figure", kCircle, "run.results=" + results} + more);
  }
  json last(const std::string& results) const { return read_series(only_run(results), "observables").back(); }
  std::string text(const std::string& results, const std::string& series) const {
    return read_text(only_run(results) / (series + ".jsonl"));
  }
};

TEST_F(SdeCommand, SchemesOfOrderTwoAgreeAndRecordMeanErrorSpreadAndQuantiles) {
  const Words settings = {"sde.noise=three_point", "sde.steps=16", "sde.paths=3000"};
  ASSERT_THAT(sde("tt", settings + Words{"sde.scheme=talay_tubaro", "sde.retraction=orthographic"}), exits_with(0));
  ASSERT_THAT(sde("platen", settings + Words{"sde.scheme=platen", "sde.retraction=newton"}), exits_with(0));
  const json tt = last("tt").at("observables").at("cos_2phi"), platen = last("platen").at("observables").at("cos_2phi");
  const double se = std::hypot(tt.at("se").get<double>(), platen.at("se").get<double>());
  EXPECT_NEAR(tt.at("mean"), platen.at("mean"), 4 * se);
  EXPECT_LT(se, 0.03);
  for (const json& value : {tt, platen}) {
    EXPECT_EQ(value.at("n"), 3000);
    for (const auto& [low, high] : {std::pair("q05", "q25"), {"q25", "q50"}, {"q50", "q75"}, {"q75", "q95"}})
      EXPECT_LT(value.at(low), value.at(high));
    EXPECT_NEAR(value.at("sd"), 0.6, 0.15);  // of cos 2 phi itself, not of the extrapolation
  }
  const json about = read_run_json(only_run("tt")).at("integrator");
  EXPECT_EQ(about.at("scheme"), "talay_tubaro");
  EXPECT_EQ(about.at("weak_order"), 2);
  EXPECT_EQ(about.at("mean_and_se_of"), "2 f(fine) - f(coarse) of the pairs of paths");
  EXPECT_THAT(about.at("sd_and_quantiles_of"), HasSubstr("fine paths"));
}

TEST_F(SdeCommand, CombinationsThatLoseTheOrderAreRefusedNamingBothKeys) {
  for (const std::string scheme : {"platen", "talay_tubaro"})
    EXPECT_THAT(sde("x", {"sde.scheme=" + scheme, "sde.noise=two_point"}),
                AllOf(fails_with(2, "sde.noise"), fails_with(2, "sde.scheme = " + scheme)));
  EXPECT_TRUE(runs("x").empty());
}

TEST_F(SdeCommand, StartOffTheManifoldIsProjectedAndTheDistanceReported) {
  const Words brief = {"sde.paths=8", "sde.steps=4", "record.points=1"};
  EXPECT_THAT(sde("off", brief + Words{"sde.start=[1.2, 0.9]"}),
              testing::Field("stderr", &Outcome::err, HasSubstr("(1.2, 0.9) is 0.5 off the manifold")));
  const json start = read_run_json(only_run("off")).at("start");
  EXPECT_NEAR(start.at("distance"), 0.5, 1e-8);
  EXPECT_NEAR(start.at("point")[0], 0.8, 1e-8);
  EXPECT_EQ(start.at("hessian_rank"), 1);
  EXPECT_NEAR(read_series(only_run("off"), "observables")[0].at("observables").at("cos_2phi").at("mean"), 0.28, 1e-8);
}

TEST_F(SdeCommand, StartThatIsNoMinimiserEndsWithTheNumbersCodeAndThePoint) {
  EXPECT_THAT(sde("saddle", {"sde.start=[0, 0]"}), AllOf(fails_with(5, "(0, 0)"), fails_with(5, "not a minimiser")));
  EXPECT_THAT(sde("far", {"sde.start=[1e200, 0]"}), AllOf(fails_with(5, "1e+200"), fails_with(5, "does not converge")));
  EXPECT_EQ(read_run_json(only_run("saddle")).at("status"), "failed");
  EXPECT_THAT(sde("three", {"sde.start=[1, 0, 0]"}), AllOf(fails_with(2, "sde.start"), fails_with(2, "2 coordinates")));
}

TEST_F(SdeCommand, WhatItsTheoryDoesNotDescribeIsRefusedNamingTheKey) {
  EXPECT_THAT(sde("x", {"sync.rule=constant", "sync.period=100", "sync.switch_step=1000"}),
              AllOf(fails_with(2, "sync.switch_step"), fails_with(2, "changes H")));
  EXPECT_THAT(sde("x", {"sync.rule=phases", "sync.phases=[[0, 1], [100, 10]]"}), fails_with(2, "sync.rule"));
  EXPECT_THAT(sde("x", {"training.steps=1000", "optimizer.momentum=0.9", "averaging.momentum=reset"}),
              AllOf(fails_with(2, "averaging.momentum"), fails_with(2, "take keep")));
  EXPECT_TRUE(runs("x").empty());
  EXPECT_THAT(sde("unstable", {"learning_rate.peak=0.5", "training.slow_time=2.0", "sync.rule=constant",
                               "sync.period=3", "sde.weights=psi_disc"}),
              AllOf(fails_with(5, "below 0.25"), fails_with(5, "at the starting point (")));
}

TEST_F(SdeCommand, AStiffManifoldIsReachedToWhatTheStepsOwnErrorAllows) {
  for (const std::string stiffness : {"3000", "1e5"}) {
    ASSERT_THAT(sde("stiff" + stiffness, {"landscape.stiffness=" + stiffness, "sde.start=[1.2, 0.9]", "sde.paths=4",
                                          "sde.steps=4", "record.points=1", "sync.rule=constant", "sync.period=1"}),
                exits_with(0));
    EXPECT_NEAR(read_run_json(only_run("stiff" + stiffness)).at("start").at("point")[0], 0.8, 1e-10);
    EXPECT_EQ(last("stiff" + stiffness).at("paths_that_left"), 0);
  }
}

TEST_F(SdeCommand, ARunOfWhichNoPathIsLeftEndsWithTheNumbersCodeAndHasNoMean) {
  EXPECT_THAT(sde("none", {"sde.steps=1", "sde.paths=3", "sde.max_bad_fraction=1", "landscape.noise_scale_x=1e9",
                           "landscape.noise_scale_y=1e9", "record.points=1"}),
              fails_with(5, "none is left"));
  const json value = last("none").at("observables").at("cos_2phi");
  EXPECT_TRUE(value.at("mean").is_null());
  EXPECT_EQ(value.at("n"), 0);
}

// one step of 0.5 is further than the orthographic retraction reaches for about one path in five
TEST_F(SdeCommand, PathsGivenUpAreCountedListedAndInNoAverage) {
  const Words coarse = {"sde.steps=2", "sde.paths=500", "sde.retraction=orthographic", "record.points=2"};
  for (const std::string allowed : {"few", "all"}) {
    const bool diverges = allowed == "few";
    const Outcome outcome =
        sde(allowed, coarse + Words{diverges ? "sde.max_bad_fraction=0.01" : "sde.max_bad_fraction=1"});
    EXPECT_THAT(outcome, exits_with(diverges ? 5 : 0));
    EXPECT_THAT(outcome.err, HasSubstr("retraction_failed"));
    EXPECT_EQ(outcome.err.find("sde.max_bad_fraction") != std::string::npos, diverges);
    const json run = read_run_json(only_run(allowed)), record = last(allowed);
    EXPECT_EQ(run.at("status"), diverges ? "diverged" : "done");
    const std::int64_t left = record.at("paths_that_left");
    EXPECT_GT(left, 5);
    EXPECT_LT(left, 400);
    std::int64_t of_all_kinds = 0;
    for (const auto& count : run.at("events")) of_all_kinds += count.get<std::int64_t>();
    EXPECT_EQ(of_all_kinds, left);
    EXPECT_GT(run.at("events").at("retraction_failed"), left / 2);
    EXPECT_EQ(record.at("events"), run.at("events"));
    EXPECT_EQ(record.at("observables").at("cos_2phi").at("n"), 500 - left);
    const auto events = read_series(only_run(allowed), "events");
    EXPECT_EQ(events.size(), static_cast<std::size_t>(left));
    EXPECT_EQ(events.front().at("kind"), "retraction_failed");
    for (const auto& positions : read_series(only_run(allowed), "paths"))
      for (const auto& event : events) {
        const bool recorded = event.at("path") < 16 && event.at("step") < positions.at("step");
        EXPECT_TRUE(!recorded || positions.at("positions")[event.at("path").get<std::size_t>()].is_null());
      }
  }
}

TEST_F(SdeCommand, RecordsAtTheTimesAskedFor) {
  const Words brief = {"sde.paths=8", "sde.steps=50"};
  ASSERT_THAT(sde("times", brief + Words{"record.times=[0.1, 0.02, 0.333]"}), exits_with(0));
  std::vector<std::int64_t> steps;
  for (const auto& record : read_series(only_run("times"), "observables")) steps.push_back(record.at("step"));
  EXPECT_EQ(steps, (std::vector<std::int64_t>{2, 10, 33}));
  EXPECT_THAT(sde("x", {"record.times=[0.6]"}), fails_with(2, "record.times"));  // slow_time = 0.5
  EXPECT_THAT(sde("x", {"record.times=[0.1]", "record.points=3"}), fails_with(2, "record.points"));
}

TEST_F(SdeCommand, APathsPositionsAreRecordedOnTheManifold) {
  ASSERT_THAT(sde("some", {"sde.paths=8", "sde.steps=50", "record.paths=3"}), exits_with(0));
  const auto records = read_series(only_run("some"), "paths");
  ASSERT_EQ(records.size(), 51u);
  for (const auto& record : records) {
    ASSERT_EQ(record.at("positions").size(), 3u);
    for (const auto& x : record.at("positions"))
      EXPECT_NEAR(std::hypot(x[0].get<double>(), x[1].get<double>()), 1, 1e-8);
  }
  ASSERT_THAT(sde("none", {"sde.paths=8", "record.paths=0"}), exits_with(0));
  EXPECT_FALSE(fs::exists(only_run("none") / "paths.jsonl"));
}

TEST_F(SdeCommand, StoppedByASignalItSavesAndTheSameCommandGoesOnToTheSameBytes) {
  const Words settings = {"sde.paths=100",         "sde.steps=600",     "sde.scheme=talay_tubaro",
                          "sde.noise=three_point", "record.points=600", "sde.retraction=newton",
                          "landscape.stiffness=2"};
  ASSERT_THAT(sde("straight", settings), exits_with(0));
  std::size_t lines = 0;
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) {
    const auto child = start(Words{"sde", "--no-figure", kCircle, "run.results=stopped"} + settings);
    const auto goes_on = [&] {
      const auto all = runs("stopped");
      const std::string text = all.empty() ? "" : read_text(all.front() / "observables.jsonl");
      return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) > lines + 20;
    };
    ASSERT_TRUE(becomes_true(goes_on, kDeadline));
    child->send(signal);
    EXPECT_THAT(child->wait(kDeadline), fails_with(75, "the same command goes on"));
    EXPECT_EQ(read_run_json(only_run("stopped")).at("status"), "interrupted");
    EXPECT_TRUE(fs::exists(only_run("stopped") / "paths.state"));
    lines = read_series(only_run("stopped"), "observables").size();
    EXPECT_LT(lines, 601u) << "it was over before the signal";
  }
  ASSERT_THAT(sde("stopped", settings + Words{"sde.threads=1"}), exits_with(0));
  for (const std::string series : {"observables", "paths"})
    EXPECT_EQ(text("stopped", series), text("straight", series));
  const json run = read_run_json(only_run("stopped"));
  EXPECT_EQ(run.at("status"), "done");
  EXPECT_EQ(run.at("time").at("resumed").size(), 3u);
  EXPECT_FALSE(fs::exists(only_run("stopped") / "paths.state"));
}

// Adam's paths have a state of their own beside the positions.
TEST_F(SdeCommand, KilledItGoesOnFromItsLastSaveToTheSameBytes) {
  for (const std::string optimizer : {"sgd", "adam"}) {
    const Words settings = {"landscape.name=periodic_valley",
                            "optimizer.name=" + optimizer,
                            "sde.retraction=newton",
                            "sde.paths=100",
                            "sde.steps=900",
                            "record.points=900",
                            "checkpoint.seconds=0.005"};
    const std::string straight = optimizer + "-straight", killed = optimizer + "-killed";
    ASSERT_THAT(sde(straight, settings), exits_with(0));
    std::size_t lines = 0;
    for (int kill = 0; kill < 2; ++kill) {
      const auto child = start(Words{"sde", "--no-figure", kCircle, "run.results=" + killed} + settings);
      const auto goes_on = [&] {
        const auto all = runs(killed);
        if (all.empty() || !fs::exists(all.front() / "paths.state")) return false;
        const std::string text = read_text(all.front() / "observables.jsonl");
        return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) > lines + 100;
      };
      ASSERT_TRUE(becomes_true(goes_on, kDeadline));
      child->send(SIGKILL);
      EXPECT_THAT(child->wait(kDeadline), exits_with(128 + SIGKILL));
      EXPECT_EQ(read_run_json(only_run(killed)).at("status"), "running");
      lines = read_series(only_run(killed), "observables").size();
      EXPECT_LT(lines, 901u) << "it was over before the signal";
    }
    ASSERT_THAT(sde(killed, settings + Words{"sde.threads=1"}), exits_with(0));
    for (const std::string series : {"observables", "paths"})
      EXPECT_EQ(text(killed, series), text(straight, series)) << optimizer;
    EXPECT_EQ(read_run_json(only_run(killed)).at("time").at("resumed").size(), 2u);
    EXPECT_FALSE(fs::exists(only_run(killed) / "paths.state"));
  }
}

TEST_F(SdeCommand, ASecondProcessIsKeptOutOfTheFolderOfARunThatGoesOn) {
  const Words settings = {"sde.paths=50", "sde.steps=1000000"};
  const auto child = start(Words{"sde", "--no-figure", kCircle, "run.results=locked"} + settings);
  ASSERT_TRUE(becomes_true([&] { return !runs("locked").empty(); }, kDeadline));
  EXPECT_THAT(sde("locked", settings), fails_with(2, "is in use by process"));
  child->send(SIGKILL);
  EXPECT_THAT(child->wait(kDeadline), exits_with(128 + SIGKILL));
}

TEST_F(SdeCommand, ASavedStateThatIsDamagedIsRefusedByName) {
  const Words settings = {"sde.paths=50", "sde.steps=1000000"};
  const auto child = start(Words{"sde", "--no-figure", kCircle, "run.results=stopped"} + settings);
  ASSERT_TRUE(becomes_true([&] { return !runs("stopped").empty(); }, kDeadline));
  child->send(SIGTERM);
  ASSERT_THAT(child->wait(kDeadline), exits_with(75));
  const fs::path file = only_run("stopped") / "paths.state";
  const std::string whole = read_text(file);
  std::string flipped = whole;
  flipped[whole.size() - 9] ^= 1;
  for (const std::string& damaged : {flipped, whole.substr(0, whole.size() - 1), whole.substr(0, 40), std::string()}) {
    write_text(file, damaged);
    EXPECT_THAT(sde("stopped", settings), AllOf(fails_with(4, "paths.state"), fails_with(4, "remove the file")));
  }
}

TEST_F(SdeCommand, ARunIsDrawnIntoItsFolderUnlessNoFigureIsWanted) {
  const bool draws = draws_figures();
  const Words settings = {"sde.paths=32", "sde.steps=8"};
  ASSERT_THAT(sde("plain", settings), exits_with(0));
  EXPECT_FALSE(fs::exists(only_run("plain") / "slow_sde.png"));
  const Outcome drawn = quasar(Words{"sde", kCircle, "run.results=drawn"} + settings);
  for (const std::string figure : {"slow_sde.png", "paths.png"}) {
    EXPECT_THAT(drawn, prints(draws ? figure : "the figure was not drawn"));
    EXPECT_EQ(fs::exists(only_run("drawn") / figure), draws) << figure;
  }
}

TEST_F(SdeCommand, ComparingSlowSdesDrawsTheirSpreadAndPathsAlsoInAFolderWithQuotes) {
  const bool draws = draws_figures();
  for (const std::string weights : {"psi", "limit"})
    ASSERT_THAT(sde("plain/" + weights, {"sde.weights=" + weights, "sde.paths=32", "sync.rule=qsr", "sync.alpha=0.1"}),
                exits_with(0));
  const std::string name = "it's \"mine\"";
  fs::rename(here() / "plain", here() / name);
  const Words folders = {only_run(name + "/psi"), only_run(name + "/limit")};
  EXPECT_THAT(quasar(Words{"compare"} + folders), prints("table.md"));
  const fs::path compared = only_run("results");
  EXPECT_EQ(json::parse(read_text(compared / "parts.json")).at("parts").size(), 2u);
  for (const std::string figure : {"slow_sde.png", "paths.png"})
    EXPECT_TRUE(!draws || fs::exists(compared / figure)) << figure;
}

}  // namespace
}  // namespace quasar
