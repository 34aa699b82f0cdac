#include "distributed/optimizers/outer_optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/config.h"
#include "core/errors.h"

namespace quasar {
namespace {

at::Tensor numbers(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

double difference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

TEST(OuterOptimizer, NoneLeavesTheAverage) {
  OuterOptimizer outer({PlainAverage{}}, numbers({1, 2}));
  at::Tensor average = numbers({3, 5});
  outer.apply(average, 0.1);
  EXPECT_TRUE(average.equal(numbers({3, 5})));
  outer.visit_state([](const char*, const at::Tensor&) { FAIL() << "needs no state"; });
}

TEST(OuterOptimizer, SlowMoOfBetaZeroAndAlphaOneIsTheAverageToRounding) {  // E5
  for (const auto type : {at::kFloat, at::kDouble}) {
    const double epsilon = type == at::kFloat ? 6e-8 : 1.2e-16;
    OuterOptimizer outer({SlowMo{.beta = 0.0, .alpha = 1.0}}, numbers({1, -2, 0.3}).to(type));
    for (int round = 1; round < 20; ++round) {
      const at::Tensor expected = (numbers({0.7, -1.9, 0.2}) / round).to(type);
      at::Tensor average = expected.clone();
      outer.apply(average, 1e-3 * round);
      EXPECT_LE(difference(average, expected), 8 * epsilon) << "round " << round;
    }
  }
}

TEST(OuterOptimizer, SlowMoFollowsASequenceByHand) {
  OuterOptimizer outer({SlowMo{.beta = 0.5, .alpha = 2.0}}, numbers({1.0}));
  at::Tensor x = numbers({0.8});  // u = 0.2 / 0.1 = 2;  x = 1 - 2 * 0.1 * 2 = 0.6
  outer.apply(x, 0.1);
  EXPECT_NEAR(x.item<double>(), 0.6, 1e-15);
  x = numbers({0.5});  // u = 0.5 * 2 + (0.6 - 0.5) / 0.2 = 1.5;  x = 0.6 - 2 * 0.2 * 1.5 = 0
  outer.apply(x, 0.2);
  EXPECT_NEAR(x.item<double>(), 0.0, 1e-15);
  x = numbers({0.3});  // u = 0.75 - 0.3 / 0.1 = -2.25;  x = 0 + 2 * 0.1 * 2.25 = 0.45
  outer.apply(x, 0.1);
  EXPECT_NEAR(x.item<double>(), 0.45, 1e-15);
}

TEST(OuterOptimizer, NesterovFollowsASequenceByHand) {
  OuterOptimizer outer({OuterNesterov{.learning_rate = 0.5, .momentum = 0.8}}, numbers({1.0}));
  at::Tensor x = numbers({0.8});  // Delta = 0.2, u = 0.2;  x = 1 - 0.5 (0.2 + 0.16) = 0.82
  outer.apply(x, 0.1);
  EXPECT_NEAR(x.item<double>(), 0.82, 1e-15);
  x = numbers({0.72});  // Delta = 0.1, u = 0.16 + 0.1 = 0.26;  x = 0.82 - 0.5 (0.1 + 0.208) = 0.666
  outer.apply(x, 0.1);
  EXPECT_NEAR(x.item<double>(), 0.666, 1e-15);
}

TEST(OuterOptimizer, MovesTowardsTheAverageNotAwayFromIt) {
  for (const OuterOptions& options : {OuterOptions{SlowMo{}}, OuterOptions{OuterNesterov{}}}) {
    OuterOptimizer outer(options, numbers({1.0, -1.0}));
    at::Tensor x = numbers({0.5, -0.5});
    outer.apply(x, 0.1);
    EXPECT_LT(x[0].item<double>(), 1.0);
    EXPECT_GT(x[1].item<double>(), -1.0);
  }
}

TEST(OuterOptimizer, StartsFromTheGlobalParametersWhateverWorkersDoToTheTensor) {
  for (const OuterOptions& options : {OuterOptions{SlowMo{}}, OuterOptions{OuterNesterov{}}}) {
    at::Tensor mine = numbers({1.0, 2.0}), others = mine.clone();
    OuterOptimizer a(options, mine), b(options, others);
    for (int round = 0; round < 4; ++round) {
      mine.add_(0.3);  // local steps differ between the workers
      others.mul_(0.9);
      const at::Tensor average = (mine + others) / 2;
      mine.copy_(average);
      others.copy_(average);
      a.apply(mine, 0.1);
      b.apply(others, 0.1);
      EXPECT_TRUE(mine.equal(others)) << "round " << round;
    }
    a.visit_state([&](const std::string& name, const at::Tensor& tensor) {
      EXPECT_TRUE(name != "outer_start" || tensor.equal(mine));
    });
  }
}

TEST(OuterOptimizer, StateCopiedByNameContinuesBitForBit) {
  for (const OuterOptions& options : {OuterOptions{SlowMo{}}, OuterOptions{OuterNesterov{}}}) {
    OuterOptimizer straight(options, numbers({1.0, 2.0})), resumed(options, numbers({0.0, 0.0}));
    at::Tensor x = numbers({0.9, 1.7});
    straight.apply(x, 0.1);
    std::vector<at::Tensor> state;
    straight.visit_state([&](const char*, const at::Tensor& tensor) { state.push_back(tensor.clone()); });
    std::size_t i = 0;
    resumed.visit_state([&](const char*, at::Tensor& tensor) { tensor.copy_(state.at(i++)); });
    EXPECT_EQ(i, 2u);
    at::Tensor y = x.mul(0.9);
    x = y.clone();
    straight.apply(x, 0.1);
    resumed.apply(y, 0.1);
    EXPECT_TRUE(x.equal(y));
  }
}

TEST(OuterOptions, AreReadStrictly) {
  const auto read = [](const std::string& text, const std::vector<std::string>& overrides = {}) {
    const Config config = Config::from_text(text, "test.toml", overrides);
    const OuterOptions options = OuterOptions::read(config);
    config.finish();
    return options;
  };
  EXPECT_TRUE(std::holds_alternative<PlainAverage>(read("").kind));
  const std::string slowmo = "[outer]\nname = \"slowmo\"\nbeta = 0.6\n";
  EXPECT_EQ(std::get<SlowMo>(read(slowmo).kind).beta, 0.6);
  EXPECT_EQ(std::get<OuterNesterov>(read(slowmo, {"outer.name=diloco"}).kind).learning_rate, 0.7);
  EXPECT_THROW(read("[outer]\nname = \"diloco\"\nbeta = 0.6\n"), ConfigError);
  EXPECT_THROW(read("[outer]\nmomentum = 0.9\n"), ConfigError);
}

}  // namespace
}  // namespace quasar
