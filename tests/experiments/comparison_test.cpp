#include "experiments/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quasar {
namespace {

using nlohmann::json;

json record(double slow_time, const std::string& observable, double mean, double error) {
  return {{"slow_time", slow_time}, {"observables", {{observable, {{"mean", mean}, {"se", error}}}}}};
}

Part part(const std::string& kind, const std::string& regime, double learning_rate, double end, double error = 0.0,
          const std::string& panel = "valley", const std::string& observable = "y") {
  Part result;
  result.panel = panel;
  result.kind = kind;
  result.regime = regime;
  result.weights = kind == "theory" ? "psi" : "";
  result.learning_rate = learning_rate;
  result.num_workers = 4;
  result.system_id = "s";
  result.experiment_id = regime;
  result.records = {record(0.0, observable, 1.0, 0.0), record(1.0, observable, end, error)};
  return result;
}

std::vector<json> rows_named(const std::vector<json>& rows, const std::string& name) {
  std::vector<json> chosen;
  for (const auto& row : rows)
    if (row.at("row") == name) chosen.push_back(row);
  return chosen;
}

TEST(Comparison, ValuesAreInterpolatedBetweenRecordsAndNotBeyond) {
  const Part theory = part("theory", "sgd", 0.1, 3.0);
  EXPECT_DOUBLE_EQ(theory.at("y", 0.25)->mean, 1.5);
  EXPECT_DOUBLE_EQ(theory.at("y", 1.0)->mean, 3.0);
  EXPECT_FALSE(theory.at("y", 1.1).has_value());
  EXPECT_FALSE(theory.at("z", 0.5).has_value());
}

TEST(Comparison, DriftRowHoldsDifferenceInStandardErrorsAndTheOtherRegimes) {
  const auto rows = rows_named(comparison_rows({part("theory", "sgd", 0.1, 2.0), part("theory", "qsr", 0.1, 8.0),
                                                part("measurement", "sgd", 0.1, 2.3, 0.1)}),
                               "drift");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_NEAR(rows[0].at("difference_in_se"), 3.0, 1e-12);
  EXPECT_NEAR(rows[0].at("relative_difference"), 0.15, 1e-12);
  EXPECT_EQ(rows[0].at("other_regimes"), (json{{"qsr", 8.0}}));
}

TEST(Comparison, ExtrapolationRemovesAGapProportionalToTheLearningRate) {
  // gap 10 % at 0.02 and 5 % at 0.01: nothing is left at 0
  const auto rows = rows_named(
      comparison_rows({part("theory", "sgd", 0.02, 2.0), part("theory", "sgd", 0.01, 2.0),
                       part("measurement", "sgd", 0.02, 2.2, 0.002), part("measurement", "sgd", 0.01, 2.1, 0.002)}),
      "extrapolation");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_NEAR(rows[0].at("extrapolated"), 2.0, 1e-12);
  EXPECT_NEAR(rows[0].at("gap_ratio"), 0.5, 1e-12);
  EXPECT_TRUE(rows[0].at("agrees"));
}

TEST(Comparison, GapThatDoesNotShrinkDisagrees) {
  const auto rows = rows_named(
      comparison_rows({part("theory", "sgd", 0.02, 2.0), part("theory", "sgd", 0.01, 2.0),
                       part("measurement", "sgd", 0.02, 2.1, 0.002), part("measurement", "sgd", 0.01, 2.1, 0.002)}),
      "extrapolation");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_FALSE(rows[0].at("agrees"));
  EXPECT_THAT(comparison_table(rows), testing::HasSubstr("**disagrees**"));
}

TEST(Comparison, TheoryOfOtherSettingsIsNotPairedAndTheRunIsNamed) {
  Part theory = part("theory", "inverse", 0.1, 2.0);
  theory.experiment_id = "another H";
  Part measured = part("measurement", "inverse", 0.1, 2.3, 0.1);
  measured.folder = "results/toy/1a2b";
  const auto rows = comparison_rows({theory, measured});
  EXPECT_TRUE(rows_named(rows, "drift").empty());
  EXPECT_THAT(comparison_table(rows), testing::HasSubstr("results/toy/1a2b"));
}

TEST(Comparison, CollapseReadsQsrAtAKthOfTheSlowTime) {
  const auto network = [](const std::string& regime, double end) {
    return part("measurement", regime, 0.01, end, 0.1, "network", "trace_hessian");
  };
  const auto rows = comparison_rows({network("sgd", 2.0), network("qsr", 5.0), network("sgd_small_batch", 5.5)});
  const auto collapse = rows_named(rows, "collapse"), control = rows_named(rows, "control");
  ASSERT_EQ(collapse.size(), 1u);
  EXPECT_DOUBLE_EQ(collapse[0].at("second").at("slow_time"), 0.25);
  EXPECT_DOUBLE_EQ(collapse[0].at("second").at("mean"), 2.0);  // 1 + (5 - 1)/4
  ASSERT_EQ(control.size(), 1u);
  EXPECT_NEAR(control[0].at("relative_difference"), 0.1, 1e-12);
}

}  // namespace
}  // namespace quasar
