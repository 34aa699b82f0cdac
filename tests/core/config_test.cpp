#include "core/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"

namespace quasar {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

double read_peak(const Config& config) {
  const double peak = config.number("learning_rate.peak", positive());
  config.integer("training.steps", at_least(1), 100);
  config.finish();
  return peak;
}

std::string message_for(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return message_of([&] { read_peak(Config::from_text(text, "x.toml", overrides)); });
}

TEST(Config, MisspeltKeyIsAnErrorWithPlaceAndNearestKey) {
  EXPECT_THAT(
      message_for("[learning_rate]\npeak = 0.1\n[training]\nstesp = 7\n"),
      AllOf(HasSubstr("x.toml:4:9"), HasSubstr("training.stesp = 7"), HasSubstr("did you mean training.steps?")));
}

TEST(Config, MisspeltRequiredKeyIsRecognised) {
  EXPECT_THAT(message_for("[learning_rate]\npaek = 0.1\n"),
              AllOf(HasSubstr("learning_rate.peak is missing"), HasSubstr("learning_rate.paek")));
}

struct BadValue {
  const char* value;
  const char* complaint;
};
class BadValues : public testing::TestWithParam<BadValue> {};

TEST_P(BadValues, AreRefusedWithKeyAndValue) {
  EXPECT_THAT(message_for(std::string("learning_rate.peak = ") + GetParam().value),
              AllOf(HasSubstr("x.toml:1"), HasSubstr("learning_rate.peak"), HasSubstr(GetParam().complaint)));
}

INSTANTIATE_TEST_SUITE_P(I1, BadValues,
                         testing::Values(BadValue{"'fast'", "must be a number"}, BadValue{"true", "must be a number"},
                                         BadValue{"nan", "must be > 0"}, BadValue{"inf", "must be > 0"},
                                         BadValue{"-1.0", "must be > 0"}, BadValue{"0", "must be > 0"},
                                         BadValue{"[1.0]", "must be a number"}));

TEST(Config, DuplicateKeysAndBrokenTomlAreErrorsWithAPlace) {
  EXPECT_THAT(message_for("[learning_rate]\npeak = 0.1\npeak = 0.2\n"), HasSubstr("x.toml:3"));
  EXPECT_THAT(message_for("[learning_rate\npeak = 0.1\n"), HasSubstr("not valid TOML"));
}

TEST(Config, WholeNumbersAreNotRounded) {
  EXPECT_THAT(message_for("learning_rate.peak = 0.1\ntraining.steps = 10.5\n"), HasSubstr("must be a whole number"));
  EXPECT_THAT(message_for("learning_rate.peak = 0.1\ntraining.steps = 0\n"), HasSubstr("must be >= 1"));
}

TEST(Config, OverridesReplaceValuesAndAreNamedInErrors) {
  const Config config = Config::from_text("[learning_rate]\npeak = 0.1\n", "x.toml", {"learning_rate.peak=0.25"});
  EXPECT_EQ(read_peak(config), 0.25);
  EXPECT_THAT(message_for("learning_rate.peak = 0.1", {"learning_rate.peak=-2"}), HasSubstr("override 1"));
  EXPECT_THAT(message_for("learning_rate.peak = 0.1", {"nonsense"}), HasSubstr("is not section.key=value"));
}

TEST(Config, BareWordOverridesAreStrings) {
  const Config config = Config::from_text("", "x.toml", {"sync.rule=qsr"});
  EXPECT_EQ(config.choice("sync.rule", {"constant", "qsr"}), "qsr");
  EXPECT_THAT(message_of([] {
                Config::from_text("", "x", {"sync.rule=qrs"}).choice("sync.rule", {"constant", "qsr"});
              }),
              HasSubstr("did you mean qsr?"));
}

TEST(Config, ResolvedTextGivesTheSameRunAgain) {
  const auto read = [](const Config& config) {
    config.number("learning_rate.peak", positive());
    config.integer("training.steps", at_least(1), 100);
    config.text("data.name", "a 'quoted' \"name\"");
    config.boolean("workers.check_collectives", true);
    config.integers("data.classes", at_least(0), std::vector<std::int64_t>{0, 6});
  };
  const Config first = Config::from_text("learning_rate.peak = 1e-6\n", "x");
  read(first);
  const Config second = Config::from_text(first.resolved(), "y");
  read(second);
  second.finish();
  EXPECT_EQ(first.resolved(), second.resolved());
  EXPECT_EQ(first.hash(), second.hash());
}

TEST(Config, HashChangesWithEveryValueButNotWithTheName) {
  const auto hash = [](const std::string& text) {
    const Config config = Config::from_text(text, "x");
    config.text("run.name", "run");
    config.number("learning_rate.peak", positive(), 0.1);
    return config.hash();
  };
  EXPECT_EQ(hash(""), hash("run.name = 'other'"));
  EXPECT_NE(hash(""), hash("learning_rate.peak = 0.2"));
}

}  // namespace
}  // namespace quasar
