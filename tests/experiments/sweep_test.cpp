// `quasar toy` with sweep.* as a user meets it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/recorder.h"
#include "tests/experiments/binary.h"

namespace quasar {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

class Sweep : public CommandLine {
 protected:
  const Words kBrief = {"toy", kCircle, "ensemble.replicas=64", "training.slow_time=0.01", "record.points=1"};
  Outcome sweep(const Words& more) const { return quasar(kBrief + more); }
  fs::path sweep_folder() const {
    for (const auto& folder : runs())
      if (folder.string().ends_with("-sweep")) return folder;
    throw std::runtime_error("no sweep");
  }
};

TEST_F(Sweep, RunsEveryCombinationWithTheSameSeedAsOneTable) {
  const Words axes = {"sweep.eta=[0.01, 0.005]", "sweep.K=[1, 4]"};
  const Outcome outcome = sweep(axes);
  EXPECT_THAT(outcome, AllOf(prints("eta"), prints("cos_2phi_se"), prints("results: results/circle/")));
  EXPECT_EQ(runs().size(), 5u);
  const auto rows = read_series(sweep_folder(), "table");
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[1].at("eta"), 0.005);  // keys in alphabetical order: K is the outer loop
  EXPECT_EQ(rows[1].at("K"), 1);
  EXPECT_EQ(rows[3].at("K"), 4);
  ASSERT_THAT(quasar(kBrief + Words{"run.results=alone", "learning_rate.peak=0.005", "workers.count=4"}),
              exits_with(0));
  EXPECT_EQ(rows[3].at("observables"), read_series(only_run("alone"), "observables").back().at("observables"));
  const std::string csv = read_text(sweep_folder() / "table.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 5);
  EXPECT_THAT(csv, AllOf(HasSubstr("K,eta,slow_time"), HasSubstr("\n4,0.0050000000000000001,")));
  EXPECT_THAT(sweep(axes), prints("done before"));
}

TEST_F(Sweep, TakesAnyKeyOfTheCommandAndWords) {
  EXPECT_THAT(sweep({"sweep.ensemble.precision=['float32', 'float64']", "sweep.beta=[0.1]"}),
              AllOf(prints("float32"), prints("ensemble.precision")));
  EXPECT_EQ(read_series(sweep_folder(), "table").size(), 2u);
}

TEST_F(Sweep, WhatCannotBeSweptIsRefusedListingWhatCan) {
  EXPECT_THAT(sweep({"sweep.etta=[0.1]"}),
              AllOf(fails_with(2, "sweep.etta"), fails_with(2, "eta (learning_rate.peak)")));
  EXPECT_THAT(sweep({"sweep.H=[1, 2]"}),
              AllOf(fails_with(2, "sync.period"), fails_with(2, "it reads checkpoint.seconds, ensemble.")));
  EXPECT_THAT(sweep({"sweep.learning_rate.paek=[0.1]"}), fails_with(2, "did you mean learning_rate.peak?"));
  EXPECT_THAT(sweep({"sweep.eta=0.1"}), fails_with(2, "a list of values"));
  EXPECT_THAT(sweep({"sweep.eta=[0.1, -1.0]"}), fails_with(2, "learning_rate.peak"));
  EXPECT_THAT(sweep({"sweep.run.seed=[1, 2]"}), fails_with(2, "cannot be swept"));
  EXPECT_THAT(sweep({"sweep.eta=[0.1]", "sweep.learning_rate.peak=[0.1]"}), fails_with(2, "swept twice"));
  EXPECT_THAT(sweep({"sweep.eta=[0.1]", "--shard=0/2"}), fails_with(2, "ensemble.shard"));
  std::string many;
  for (int i = 1; i <= 70; ++i) many += (i > 1 ? ", " : "") + std::to_string(i);
  EXPECT_THAT(sweep({"sweep.K=[" + many + "]", "sweep.ensemble.replicas=[" + many + "]"}),
              fails_with(2, "more than 4000 combinations"));
  EXPECT_TRUE(runs().empty());
}

TEST_F(Sweep, ADivergingCombinationIsARowAndTheOthersGoOn) {
  EXPECT_THAT(quasar({"toy", kCircle, "ensemble.replicas=64", "sweep.eta=[0.005, 2.0, 0.01]", "training.steps=40",
                      "sync.rule=constant", "sync.period=4", "record.points=1"}),
              AllOf(fails_with(5, "eta = 2.0"), testing::Field("stdout", &Outcome::out, HasSubstr("diverged"))));
  const auto rows = read_series(sweep_folder(), "table");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].at("status"), "done");
  EXPECT_EQ(rows[1].at("status"), "diverged");
  EXPECT_EQ(rows[2].at("status"), "done");
}

}  // namespace
}  // namespace quasar
