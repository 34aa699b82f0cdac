#include "distributed/optimizers/optimizer.h"

#include <cmath>
#include <fstream>
#include <map>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/config.h"
#include "core/errors.h"

namespace quasar {
namespace {

nlohmann::json read_sequences() {
  std::ifstream in(QUASAR_SOURCE_DIR "/tests/distributed/optimizer_sequences.json");
  return nlohmann::json::parse(in);
}

template <class Formula>
at::Tensor fill(std::int64_t count, at::ScalarType type, const Formula& formula) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(formula(i));
  return at::tensor(values, at::kDouble).to(type);
}

// The same formulas as in optimizer_sequences.py.
at::Tensor start(std::int64_t count, at::ScalarType type) {
  return fill(count, type, [](int i) { return std::sin(1.0 + 3 * i); });
}

at::Tensor gradient(const at::Tensor& values, int step) {
  const at::Tensor slope =
      fill(values.numel(), values.scalar_type(), [step](int i) { return 1.0 + 0.5 * std::cos(i + step); });
  return slope * values +
         fill(values.numel(), values.scalar_type(), [step](int i) { return std::cos(2.0 * i + 5 * step); });
}

double learning_rate(int step) { return 0.05 * (1 + step % 4) / (1 + step / 6); }

OptimizerOptions options_of(const nlohmann::json& from) {
  if (from["optimizer"] == "sgd") return {Sgd{from["momentum"], from["nesterov"], from["weight_decay"]}};
  return {AdamW{from["beta1"], from["beta2"], from["epsilon"], from["weight_decay"]}};
}

TEST(Optimizer, EqualsPyTorchsPlainImplementationToTheLastDigits) {  // E17
  const nlohmann::json sequences = read_sequences();
  int compared = 0;
  for (const auto& reference : sequences["cases"]) {
    const bool is_float = reference["type"] == "float32";
    at::Tensor values = start(sequences["count"], is_float ? at::kFloat : at::kDouble);
    Optimizer optimizer(options_of(reference), values, sequences["decayed"]);
    const double epsilon = is_float ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
    double worst = 0;
    std::size_t record = 0;
    for (int step = 0; step < sequences["steps"]; ++step) {
      optimizer.step(values, gradient(values, step), learning_rate(step));
      if (step + 1 != sequences["recorded"][record]) continue;
      const auto expected = reference["values"][record++].get<std::vector<double>>();
      const at::Tensor difference = values.to(at::kDouble) - at::tensor(expected, at::kDouble);
      worst = std::max(worst, difference.abs().max().item<double>() / epsilon);
      ++compared;
    }
    nlohmann::json label = reference;
    label.erase("values");
    // The fused kernel may round once where the plain one rounds twice; the numbers are of order 1.
    EXPECT_LE(worst, 2.0) << label.dump();
  }
  EXPECT_EQ(compared, 14 * 3);
}

TEST(Optimizer, MomentumNeedsNoCorrectionWhenTheLearningRateChanges) {
  constexpr double kMomentum = 0.9;
  at::Tensor values = start(7, at::kDouble), corrected = values.clone(), uncorrected = values.clone();
  Optimizer optimizer({Sgd{.momentum = kMomentum}}, values, 7);
  // The other form keeps v = eta u: theta <- theta - v, and v must follow a learning rate that changes.
  at::Tensor v = at::zeros_like(values), v_uncorrected = at::zeros_like(values);
  for (int step = 0; step < 30; ++step) {
    const double rate = learning_rate(step % 12), before = learning_rate(std::max(0, step - 1) % 12);
    optimizer.step(values, gradient(values, step), rate);
    v = v * (kMomentum * rate / before) + gradient(corrected, step) * rate;
    corrected.sub_(v);
    v_uncorrected = v_uncorrected * kMomentum + gradient(uncorrected, step) * rate;
    uncorrected.sub_(v_uncorrected);
  }
  EXPECT_LT((values - corrected).abs().max().item<double>(), 1e-13);
  EXPECT_GT((values - uncorrected).abs().max().item<double>(), 1e-3) << "the comparison could not fail";
}

TEST(Optimizer, WeightDecayStopsWhereTheFlatBufferSaysSo) {
  for (const OptimizerOptions& options : {OptimizerOptions{Sgd{.weight_decay = 0.5}}, OptimizerOptions{AdamW{}}}) {
    at::Tensor values = at::ones({40}, at::kFloat);
    Optimizer optimizer(options, values, 23);
    optimizer.step(values, at::zeros_like(values), 0.1);
    EXPECT_LT(values.narrow(0, 0, 23).max().item<float>(), 1.0f);
    EXPECT_EQ(values.narrow(0, 23, 17).min().item<float>(), 1.0f);
    EXPECT_EQ(values.narrow(0, 23, 17).max().item<float>(), 1.0f);
  }
}

TEST(Optimizer, StateCopiedByNameContinuesBitForBit) {
  for (const OptimizerOptions& options :
       {OptimizerOptions{Sgd{.momentum = 0.9, .nesterov = true, .weight_decay = 0.1}}, OptimizerOptions{AdamW{}}}) {
    at::Tensor straight = start(43, at::kFloat), resumed;
    Optimizer optimizer(options, straight, 20);
    std::map<std::string, at::Tensor> saved;
    for (int step = 0; step < 10; ++step) {
      if (step == 4) {
        resumed = straight.clone();
        optimizer.visit_state([&](const char* name, const at::Tensor& tensor) { saved[name] = tensor.clone(); });
      }
      optimizer.step(straight, gradient(straight, step), learning_rate(step));
    }
    Optimizer other(options, resumed, 20);
    std::size_t visited = 0;
    other.visit_state([&](const char* name, at::Tensor& tensor) { tensor.copy_(saved.at(name)), ++visited; });
    EXPECT_EQ(visited, saved.size()) << "state must be there before the first step";
    for (int step = 4; step < 10; ++step) other.step(resumed, gradient(resumed, step), learning_rate(step));
    EXPECT_TRUE(resumed.equal(straight));
  }
}

TEST(OptimizerOptions, AreReadStrictly) {
  const auto read = [](const std::string& text, const std::vector<std::string>& overrides = {}) {
    const Config config = Config::from_text(text, "test.toml", overrides);
    const OptimizerOptions options = OptimizerOptions::read(config);
    config.finish();
    return options;
  };
  const std::string nesterov = "[optimizer]\nname = \"sgd\"\nmomentum = 0.9\nnesterov = true\nweight_decay = 1e-4\n";
  const auto sgd = std::get<Sgd>(read(nesterov).kind);
  EXPECT_EQ(sgd.momentum, 0.9);
  EXPECT_TRUE(sgd.nesterov);
  EXPECT_EQ(sgd.weight_decay, 1e-4);
  EXPECT_EQ(std::get<AdamW>(read(nesterov, {"optimizer.name=adamw"}).kind).weight_decay, 1e-4);
  EXPECT_THROW(read("[optimizer]\nname = \"adamw\"\nmomentum = 0.9\n"), ConfigError);
  EXPECT_THROW(read("[optimizer]\nnesterov = true\n"), ConfigError);
  EXPECT_THROW(read("[optimizer]\nmomentum = 1.0\n"), ConfigError);
  EXPECT_THROW(read("[optimizer]\nname = \"adam\"\n"), ConfigError);
}

}  // namespace
}  // namespace quasar
