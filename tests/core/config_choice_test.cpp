#include <gmock/gmock.h>

#include "core/config.h"
#include "core/errors.h"

namespace quasar {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kFile = R"(
sync.rule = "qsr"
sync.alpha = 0.25
training.steps = 1000
[arms.parallel]
sync.rule = "parallel"
[arms.constant]
sync = {rule = "constant", period = 4}
[size.mini]
training.steps = 100
sync.alpha = 0.5
arms.constant.sync.period = 8
[size.tiny]
training.steps = 10
arms.swap.sync.rule = "swap"
[size.small]
arms.parallel.sync.rule = "constant"
)";

Config choose(const std::string& size, const std::string& arm, const std::vector<std::string>& overrides = {}) {
  return Config::from_text(kFile, "study.toml", overrides, {.size = size, .arm = arm});
}

std::string message_of(const std::string& size, const std::string& arm) {
  try {
    choose(size, arm);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(ConfigChoice, AnOverrideWinsOverAnArmOverASizeOverTheFile) {
  const auto steps = [](const Config& config) { return config.integer("training.steps", at_least(1)); };
  EXPECT_EQ(steps(choose("", "")), 1000);
  EXPECT_EQ(steps(choose("paper", "")), 1000);
  EXPECT_EQ(steps(choose("mini", "")), 100);
  EXPECT_EQ(steps(choose("mini", "", {"training.steps=7"})), 7);
  const auto period = [](const Config& config) { return config.integer("sync.period", at_least(1)); };
  EXPECT_EQ(period(choose("", "constant")), 4);
  EXPECT_EQ(period(choose("mini", "constant")), 8) << "a size may say what its arms are";
  EXPECT_EQ(period(choose("mini", "constant", {"sync.period=2"})), 2);
  EXPECT_EQ(period(choose("mini", "constant", {"arms.constant.sync.period=3"})), 3);
  EXPECT_EQ(period(choose("mini", "constant", {"arms.parallel.sync.period=3"})), 8) << "another arm's";
}

TEST(ConfigChoice, WhatWasNotChosenIsNoKey) {
  const Config config = choose("mini", "parallel");
  config.text("sync.rule");
  config.forget_replaced("sync.rule", {"sync.alpha"});  // the arm replaced the file's rule, and so what belonged to it
  config.integer("training.steps", at_least(1));
  EXPECT_FALSE(config.has("sync.alpha"));
  config.finish();
  EXPECT_THAT(config.resolved(), Not(HasSubstr("arms")));
}

TEST(ConfigChoice, ToSayAgainWhatTheFileSaysChoosesNothing) {
  const auto alpha_after = [](const Config& config) {
    config.text("sync.rule");
    config.forget_replaced("sync.rule", {"sync.alpha"});
    return config.has("sync.alpha");
  };
  EXPECT_TRUE(alpha_after(choose("", "", {"sync.rule=qsr"})));
  EXPECT_TRUE(alpha_after(choose("mini", "", {"sync.rule='qsr'"})));
  EXPECT_FALSE(alpha_after(choose("", "", {"sync.rule=inverse"})));
  EXPECT_FALSE(alpha_after(choose("", "parallel")));
  EXPECT_TRUE(alpha_after(choose("", "parallel", {"sync.rule=qsr"}))) << "back to the file's, whatever the arm says";
}

TEST(ConfigChoice, EqualSettingsHaveEqualHashesWhereverTheyCameFrom) {
  const auto hash = [](const Config& config) {
    config.integer("training.steps", at_least(1));
    return config.hash();
  };
  EXPECT_EQ(hash(choose("mini", "")), hash(choose("", "", {"training.steps=100"})));
  EXPECT_NE(hash(choose("mini", "")), hash(choose("", "")));
}

TEST(ConfigChoice, ArmsAreListedInTheFilesOrder) {
  EXPECT_THAT(choose("", "").arms(), ElementsAre("parallel", "constant"));
  EXPECT_THAT(choose("tiny", "").arms(), ElementsAre("parallel", "constant", "swap"));
  EXPECT_THAT(choose("small", "").arms(), ElementsAre("parallel", "constant"));  // though its only key is the size's
}

TEST(ConfigChoice, AnUnknownNameListsTheKnownOnes) {
  EXPECT_THAT(message_of("midi", ""), HasSubstr("study.toml: has no table [size.midi] (it has mini, tiny, small)"));
  EXPECT_THAT(message_of("", "swap"), HasSubstr("no table [arms.swap] (it has parallel, constant)"));
  EXPECT_EQ(message_of("tiny", "swap"), "");
}

TEST(ConfigChoice, ATableMustBeATable) {
  EXPECT_THROW(Config::from_text("size.mini = 3", "x"), ConfigError);
  EXPECT_THROW(Config::from_text("arms.qsr = 'fast'", "x"), ConfigError);
}

}  // namespace
}  // namespace quasar
