#include "experiments/ensemble_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"

namespace quasar {
namespace {

EnsembleOptions read(const std::string& text) {
  const Config config = Config::from_text(text, "test");
  EnsembleOptions options;
  read_noise_and_optimizer(config, options);
  config.finish();
  return options;
}

std::string error_of(const std::string& text) {
  try {
    read(text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(RegimeOfEnsemble, WithMomentumMayChangeItsLearningRateAndH) {
  const Config config = Config::from_text(
      "learning_rate.peak = 0.01\nlearning_rate.schedule = 'linear'\ntraining.steps = 1000\nsync.period = 10\n"
      "sync.switch_step = 500\noptimizer.momentum = 0.5\n",
      "test");
  EnsembleOptions options;
  read_noise_and_optimizer(config, options);
  const SlowRegime regime = regime_of_ensemble(config, TrainingSchedule::read(config), options);
  EXPECT_EQ(regime.name, "constant");
  EXPECT_NEAR(regime.slow_time, 4 * 1e-4 * 1000.0 / 3.0, 4e-4);
}

TEST(EnsembleOptionsOfNoise, AreReadUnderTheTrainersNames) {
  EXPECT_FALSE((GenericMethod{read("").noise, read("").optimizer}.is_needed()));
  EXPECT_EQ(std::get<toy_noise::StudentT>(read("noise.law = 'student_t'\nnoise.degrees_of_freedom = 5").noise)
                .degrees_of_freedom,
            5);
  const auto batches = std::get<toy_noise::MiniBatch>(
      read("noise.law = 'minibatch'\nbatch.local_size = 2\ndata.order = 'reshuffle'").noise);
  EXPECT_EQ(batches.local_batch_size, 2);
  EXPECT_FALSE(batches.replacement);
  const ToyOptimizer ball =
      read("optimizer.momentum = 0.9\noptimizer.nesterov = true\naveraging.momentum = 'reset'").optimizer;
  EXPECT_EQ(std::get<toy_optimizers::Sgd>(ball.kind).momentum, 0.9);
  EXPECT_TRUE(std::get<toy_optimizers::Sgd>(ball.kind).nesterov);
  EXPECT_EQ(ball.at_average[0], toy_optimizers::AtAverage::reset);
  const ToyOptimizer adam =
      read("optimizer.name = 'adam'\noptimizer.beta2 = 0.99\naveraging.adam_v = 'average'").optimizer;
  EXPECT_EQ(std::get<toy_optimizers::Adam>(adam.kind).beta1, 0.9);
  EXPECT_EQ(std::get<toy_optimizers::Adam>(adam.kind).beta2, 0.99);
  EXPECT_EQ(adam.at_average[0], toy_optimizers::AtAverage::keep);
  EXPECT_EQ(adam.at_average[1], toy_optimizers::AtAverage::average);
}

TEST(EnsembleOptionsOfNoise, RefuseWhatDoesNotFit) {
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"noise.law = 'cauchy'", "noise.law"},
           {"noise.law = 'student_t'", "noise.degrees_of_freedom is missing"},
           {"noise.law = 'student_t'\nnoise.degrees_of_freedom = 2", "noise.degrees_of_freedom"},
           {"noise.degrees_of_freedom = 5", "noise.degrees_of_freedom"},
           {"batch.local_size = 4", "batch.local_size"},
           {"optimizer.momentum = 1.0", "must be below 1"},
           {"optimizer.nesterov = true", "needs optimizer.momentum"},
           {"optimizer.name = 'adam'\noptimizer.momentum = 0.9", "optimizer.momentum"},
           {"optimizer.beta1 = 0.9", "optimizer.beta1"},
           {"averaging.adam_v = 'average'", "averaging.adam_v"}})
    EXPECT_THAT(error_of(text), testing::HasSubstr(message)) << text;
}

TEST(SlowTheory, IsRefusedForMiniBatches) {
  const auto refuses = [](const std::string& text) {
    const Config config = Config::from_text(text, "test");
    EXPECT_THROW(require_slow_sde(config), ConfigError) << text;
  };
  refuses("noise.law = 'minibatch'");
  const Config student = Config::from_text("noise.law = 'student_t'\nnoise.degrees_of_freedom = 5", "test");
  require_slow_sde(student);
  student.finish();
}

}  // namespace
}  // namespace quasar
