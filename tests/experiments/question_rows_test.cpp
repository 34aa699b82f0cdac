// What the weak-error question makes of made-up runs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "experiments/question_text.h"
#include "experiments/weak_error.h"

namespace quasar {
namespace {

using nlohmann::json;

Part part(const std::string& kind, double learning_rate, double end, double error = 0.0) {
  Part result;
  result.panel = "circle";
  result.kind = kind;
  result.regime = "inverse";
  result.weights = kind == "theory" ? "psi" : "";
  result.learning_rate = learning_rate;
  result.sync_period = std::llround(0.16 / learning_rate);
  result.experiment_id = print("%g", learning_rate);
  const auto record = [](double time, double mean, double se) {
    return json{{"slow_time", time}, {"observables", {{"g", {{"mean", mean}, {"se", se}, {"n", 1000}}}}}};
  };
  result.records = {record(0.0, 1.0, 0.0), record(1.0, end, error)};
  return result;
}

/// Theory 0.5 and errors scale * eta^order, of which the one at eta = 0.01 has its own standard error.
std::vector<json> rows_of(double scale, double order, double error_at_the_smallest) {
  std::vector<Part> parts;
  for (const double eta : {0.01, 0.02, 0.04, 0.08}) {
    const double error = scale * std::pow(eta, order);
    parts.push_back(part("theory", eta, 0.5));
    parts.push_back(
        part("measurement", eta, 0.5 + error, eta == 0.01 ? error_at_the_smallest : 0.01 * std::abs(error)));
  }
  return weak_error_rows(parts);
}

TEST(WeakErrorRows, FindTheOrderOfAPowerLawAndItsBandHoldsThePoints) {
  for (const double order : {1.0, 0.25}) {
    const auto rows = rows_of(-0.7, order, 1e-4);
    ASSERT_EQ(rows.size(), 5u);  // largest size first
    EXPECT_NEAR(rows[0].at("error"), -0.7 * std::pow(0.08, order), 1e-12);
    const json& fit = rows.back();
    ASSERT_FALSE(fit.contains("refused")) << fit;
    EXPECT_NEAR(fit.at("slope"), order, 1e-9);
    EXPECT_NEAR(fit.at("fit").front(), 0.7 * std::pow(0.01, order), 1e-9);
    EXPECT_LT(fit.at("low").front(), fit.at("fit").front());
    EXPECT_GT(fit.at("high").front(), fit.at("fit").front());
  }
}

TEST(WeakErrorRows, RefuseAPointWhoseNoiseIsAboveAThirdOfItsErrorAndSayWhatItTakes) {
  const auto rows = rows_of(0.7, 1.0, 0.0035);  // half of the error 0.007
  EXPECT_FALSE(rows[3].at("resolved"));
  EXPECT_THAT(rows.back().at("refused"), testing::HasSubstr("2.2e+03 at η = 0.01"));  // 1000 (3/2)^2
  EXPECT_FALSE(rows.back().contains("slope"));
  EXPECT_FALSE(rows_of(0.7, 1.0, 0.0022).back().contains("refused"));
  EXPECT_THAT(weak_error_table(rows), testing::HasSubstr("**not fitted**"));
}

/// Errors 0.7 eta seen through standard errors of 0.2 of which each estimate is off by half.
std::vector<json> unresolved_rows(std::int64_t times_as_many) {
  std::vector<Part> parts;
  const double se = 0.2 / std::sqrt(static_cast<double>(times_as_many));
  double sign = 1.0;
  for (const double eta : {0.01, 0.02, 0.04, 0.08}) {
    parts.push_back(part("theory", eta, 0.5));
    parts.push_back(part("measurement", eta, 0.5 + 0.7 * eta + 0.5 * sign * se, se));
    parts.back().records.back().at("observables").at("g")["n"] = 1000 * times_as_many;
    sign = -sign;
  }
  return weak_error_rows(parts);
}

TEST(WeakErrorRows, SayAtLeastHowManyReplicasWhileNoErrorIsSeenAndThenAboutHowMany) {
  // truly 1000 (0.2 / (0.007 / 3))^2 = 7.3e6 at eta = 0.01
  const std::string blind = unresolved_rows(1).back().at("refused");
  EXPECT_THAT(blind, testing::HasSubstr("at least"));
  const std::string seen = unresolved_rows(400).back().at("refused");
  EXPECT_THAT(seen, testing::Not(testing::HasSubstr("at least")));
  const auto needed = [](const std::string& text) {
    const auto end = text.find(" at η = 0.01");
    return std::stod(text.substr(text.rfind(' ', end - 1) + 1));
  };
  EXPECT_LT(needed(blind), 7.3e6);
  EXPECT_GT(needed(seen), 7.3e6 / 2);
  EXPECT_LT(needed(seen), 7.3e6 * 3);
}

TEST(WeakErrorRows, WidenTheBandByStudentsTWhereTheLineIsNotStraight) {
  std::vector<Part> parts;
  double sign = 1.0;
  for (const double eta : {0.01, 0.02, 0.04, 0.08}) {
    parts.push_back(part("theory", eta, 0.5));
    parts.push_back(part("measurement", eta, 0.5 + 0.7 * eta * (1.0 + 0.05 * sign), 0.007 * eta));
    sign = -sign;
  }
  const json fit = weak_error_rows(parts).back();
  const double spread = std::sqrt(fit.at("chi_square").get<double>() / 2.0);
  EXPECT_GT(spread, 3.0);
  const double plain = 0.01 / (std::log(2.0) * std::sqrt(5.0));  // slope's s.e. of four points at equal distances
  EXPECT_NEAR(fit.at("half_width_95"), 4.302653 * spread * plain, 0.05 * 4.302653 * spread * plain);
}

TEST(WeakErrorRows, RefuseErrorsThatChangeTheirSignAndTooFewSizes) {
  std::vector<Part> parts;
  for (const double eta : {0.01, 0.02, 0.04}) {
    parts.push_back(part("theory", eta, 0.5));
    parts.push_back(part("measurement", eta, eta == 0.01 ? 0.49 : 0.51, 1e-4));
  }
  EXPECT_THAT(weak_error_rows(parts).back().at("refused"), testing::HasSubstr("sign"));
  parts.resize(4);
  EXPECT_THAT(weak_error_rows(parts).back().at("refused"), testing::HasSubstr("three"));
  parts.insert(parts.end(), {parts[2], parts[3], parts[2], parts[3]});  // the same size again is no other one
  EXPECT_THAT(weak_error_rows(parts).back().at("refused"), testing::HasSubstr("three"));
}

TEST(ChiSquare, HasItsKnownQuantiles) {
  EXPECT_NEAR(chi_square_p_value(3.841459, 1), 0.05, 1e-6);
  EXPECT_NEAR(chi_square_p_value(2 * std::log(20.0), 2), 0.05, 1e-12);
}

}  // namespace
}  // namespace quasar
