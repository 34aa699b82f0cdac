#include "experiments/slow_regime.h"

#include <gtest/gtest.h>

#include "core/errors.h"

namespace quasar {
namespace {

SlowRegime regime_of(const std::string& text) {
  const Config config = Config::from_text("learning_rate.peak = 0.01\ntraining.slow_time = 0.5\n" + text, "test");
  return SlowRegime::of(config, TrainingSchedule::read(config), 4);
}

TEST(SlowRegime, OneStepARoundIsSgdWhateverTheRule) {
  for (const char* text :
       {"", "sync.rule = 'qsr'\nsync.alpha = 0.001\n", "sync.rule = 'inverse'\nsync.beta = 0.01\n"}) {
    const SlowRegime regime = regime_of(text);
    EXPECT_EQ(regime.name, "sgd");
    EXPECT_EQ(regime.weights("psi")(1.0, 2.0), 1.0);
    EXPECT_EQ(regime.weights("limit")(1.0, 2.0), 1.0);
  }
}

TEST(SlowRegime, LimitOfTheQuadraticRuleIsKAndItsFiniteFormIsPsi) {
  const SlowRegime regime = regime_of("sync.rule = 'qsr'\nsync.alpha = 0.201\n");
  EXPECT_EQ(regime.name, "qsr");
  EXPECT_EQ(regime.sync_period, 404);
  EXPECT_EQ(regime.weights("limit")(1.0, 2.0), 4.0);
  EXPECT_DOUBLE_EQ(regime.weights("psi")(1.0, 2.0), 1.0 + 3.0 * psi(4.04 * 3.0));
}

TEST(SlowRegime, SlowTimeIsStepsTimesTheSquaredLearningRate) {
  EXPECT_DOUBLE_EQ(regime_of("sync.period = 10\n").slow_time, 0.5);
}

TEST(SlowRegime, OfADecayingRateSumsItsSquaresAndHasNoTheoryYet) {
  const Config config = Config::from_text(
      "learning_rate.peak = 0.01\nlearning_rate.schedule = 'linear'\ntraining.steps = 1000\n", "test");
  const TrainingSchedule schedule = TrainingSchedule::read(config);
  EXPECT_NEAR(SlowRegime::of(config, schedule, 4).slow_time, 1e-4 * 1000.0 / 3.0, 1e-4);
  EXPECT_THROW(SlowRegime::of_constant_rate(config, schedule, 4), ConfigError);
}

TEST(SlowRegime, OfRoundsThatChangeHasNoTheoryAndIsNotSgd) {
  const std::string head = "learning_rate.peak = 0.01\ntraining.steps = 1000\n";
  for (const char* text :
       {"sync.period = 100\nsync.switch_step = 500\n", "sync.rule = 'swap'\nsync.switch_step = 500\n",
        "sync.rule = 'phases'\nsync.phases = [[0, 1], [500, 100]]\n"}) {
    const Config config = Config::from_text(head + text, "test");
    const TrainingSchedule schedule = TrainingSchedule::read(config);
    EXPECT_NE(SlowRegime::of(config, schedule, 4).name, "sgd") << text;
    EXPECT_THROW(SlowRegime::of_constant_rate(config, schedule, 4), ConfigError) << text;
  }
  // the end of training may cut the last round; phases of one H and a switch after H = 1 change nothing
  for (const char* text : {"sync.period = 300\n", "sync.rule = 'phases'\nsync.phases = [[0, 300], [500, 300]]\n",
                           "sync.period = 1\nsync.switch_step = 500\n", "sync.rule = 'qsr'\nsync.alpha = 0.2\n"}) {
    const Config config = Config::from_text(head + text, "test");
    EXPECT_NO_THROW(SlowRegime::of_constant_rate(config, TrainingSchedule::read(config), 4)) << text;
  }
}

SlowRegime regime_with_momentum(const std::string& text) {
  const Config config = Config::from_text("learning_rate.peak = 0.001\n" + text, "test");
  return SlowRegime::of_constant_rate_and_momentum(config, TrainingSchedule::read(config), 4);
}

TEST(SlowRegime, MomentumCountsThroughTheEffectiveRate) {
  const std::string text = "training.steps = 5000\nsync.period = 100\noptimizer.momentum = ";
  const SlowRegime regime = regime_with_momentum(text + "0.9\n");
  EXPECT_NEAR(regime.slow_time, 5000 * 1e-4, 1e-12);
  EXPECT_NEAR(regime.weights("psi")(1.0, 2.0), 1.0 + 3.0 * psi(1.0 * 3.0), 1e-12);
  const DriftWeights finite{drift_weights::FiniteStep{0.001, 100, 0.9}, 4};
  EXPECT_EQ(regime.weights("psi_disc")(1.0, 2.0), finite(1.0, 2.0));
  const SlowRegime without = regime_with_momentum(text + "0\n");
  EXPECT_NEAR(without.slow_time, 5000 * 1e-6, 1e-15);
  EXPECT_EQ(without.weights("psi")(1.0, 2.0), 1.0 + 3.0 * psi(0.1 * 3.0));
  EXPECT_EQ(without.weights("psi_disc")(1.0, 2.0), (DriftWeights{drift_weights::FiniteStep{0.001, 100}, 4}(1.0, 2.0)));
}

TEST(SlowRegime, MomentumWantsItsStepsAndAValueBelowOne) {
  EXPECT_THROW(regime_with_momentum("training.slow_time = 0.5\noptimizer.momentum = 0.9\n"), ConfigError);
  EXPECT_THROW(regime_with_momentum("training.steps = 500\noptimizer.momentum = 1.0\n"), ConfigError);
}

}  // namespace
}  // namespace quasar
