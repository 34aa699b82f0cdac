#include "distributed/local_sgd/language_task.h"

#include <cmath>
#include <fstream>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/grad_mode.h>

#include "core/config.h"
#include "core/errors.h"
#include "core/fault_plan.h"
#include "distributed/data/markov_tokens.h"
#include "distributed/local_sgd/training_checkpoint.h"
#include "tests/distributed/patterns.h"
#include "tests/distributed/temporary_folder.h"
#include "tests/distributed/training_fixture.h"

namespace quasar {
namespace {

using nlohmann::json;

constexpr int kVocabulary = 8;
constexpr std::int64_t kContext = 12;

/// A Llama of 3 thousand parameters that learns a Markov chain by Local SGD.
struct LanguageRun {
  LanguageTask task;
  TrainerOptions options;
  TrainingSchedule schedule;
  int workers = 2;

  explicit LanguageRun(std::int64_t steps = 24, std::int64_t period = 4) {
    static const std::shared_ptr<const TokenSets> text = [] {
      auto sets = std::make_shared<TokenSets>();
      sets->vocabulary = kVocabulary;
      sets->context = kContext;
      sets->train = std::make_unique<MarkovWindows>(Split::train, 500, kContext, kVocabulary);
      sets->test = std::make_unique<MarkovWindows>(Split::test, 101, kContext, kVocabulary);
      sets->entropy_rate = MarkovWindows::entropy_rate();
      return sets;
    }();
    task.sets = text;
    task.network = {
        .vocabulary = kVocabulary, .context = 16, .width = 16, .depth = 1, .heads = 2, .kv_heads = 1, .mlp_width = 24};
    options.local_sgd.local_batch_size = 4;
    options.local_sgd.optimizer.kind = AdamW{};
    options.evaluate.train_samples = 50;
    options.record = {.every = 5, .probe_every = 10, .probe_samples = 16};
    schedule.total_steps = steps;
    schedule.learning_rate = {.decay = lr_decay::Constant{}, .peak = 0.01, .total_steps = steps};
    schedule.sync = {.rule = sync_rules::Constant{period}, .total_steps = steps};
  }

  TrainerResult run(const TrainerFiles& files = {}, int in_turn = 1) const {
    TrainerOptions own = options;
    own.workers_in_turn = in_turn;
    return train_on_threads(own, task, schedule, workers, 0, files).front();
  }
  /// The averaged parameters at the end.
  at::Tensor parameters(int in_turn = 1) const {
    const TemporaryFolder folder;
    Recorder recorder(folder.path(), Config::from_text("", "test"), {});
    LanguageRun own = *this;
    own.options.checkpoint.every = schedule.total_steps;
    own.run({&recorder, folder.path(), json::object(), {}}, in_turn);
    const auto evaluator = task.make_evaluator();
    evaluator->model().assign(load_weights(folder.path().string()), "checkpoint");
    return evaluator->model().values;
  }
};

double distance(const at::Tensor& a, const at::Tensor& b) { return at::norm(a - b).item<double>(); }

LanguageRun double_precision(LanguageRun run) {
  run.task.precision = NetworkPrecision::float64;
  return run;
}

/// The mean of -ln p(next token) over windows, each term by itself from the network's logits.
double loss_by_hand(const LanguageTask& task, const at::Tensor& parameters, const std::vector<std::int64_t>& windows) {
  const at::NoGradGuard no_grad;
  const auto network = make_language_network(task.network, task.seed);
  FlatParameters flat(*network, at::kDouble, false);
  flat.values.copy_(parameters);
  double sum = 0.0;
  for (const std::int64_t window : windows) {
    std::vector<std::int64_t> tokens(kContext + 1);
    task.sets->train->read(window, tokens.data());
    for (std::int64_t length = 1; length <= kContext; ++length) {
      // What comes after `length` tokens, from a network that has seen no others.
      const at::Tensor seen = at::from_blob(tokens.data(), {1, length}, at::kLong);
      const at::Tensor scores = network->forward(seen)[0][length - 1].contiguous();
      const double* score = scores.data_ptr<double>();
      double total = 0.0;
      for (int token = 0; token < kVocabulary; ++token) total += std::exp(score[token]);
      sum += std::log(total) - score[tokens[static_cast<std::size_t>(length)]];
    }
  }
  return sum / static_cast<double>(windows.size() * kContext);
}

TEST(LanguageObjective, LossIsTheMeanSurpriseOfEveryNextTokenAndTheGradientItsDerivative) {
  LanguageRun run = double_precision(LanguageRun());
  const auto objective = run.task.make_objective();
  // Weights of the start's size make every derivative small and every error of one invisible.
  objective->parameters().mul_(8.0);
  constexpr std::int64_t kBatch = 2;
  std::vector<Visit> visits;
  Sampler(run.task.sampler, run.task.samples(Split::train)).take(0, 1, 2, kBatch, visits);
  std::vector<std::int64_t> windows;
  for (const Visit& visit : visits) windows.push_back(visit.sample);
  const BatchResult result = objective->add_gradient({0, 0, 1, 2, kBatch, true});
  at::Tensor parameters = objective->parameters().clone();
  EXPECT_NEAR(result.loss, loss_by_hand(run.task, parameters, windows), 1e-12);
  EXPECT_EQ(result.predictions, kBatch * kContext);
  EXPECT_EQ(result.next_place, 2 * kBatch);
  double* values = parameters.data_ptr<double>();
  const double* gradient = objective->gradient().data_ptr<double>();
  constexpr double kStep = 1e-5;
  double largest = 0.0;
  for (std::int64_t i = 0; i < parameters.numel(); i += 197) {
    const auto loss_at = [&](double shift) {
      const double value = values[i];
      values[i] = value + shift;
      const double loss = loss_by_hand(run.task, parameters, windows);
      values[i] = value;
      return loss;
    };
    // Fourth order in the step: the second order's error is visible behind an RMS norm of small numbers.
    const double near = loss_at(kStep) - loss_at(-kStep), far = loss_at(2.0 * kStep) - loss_at(-2.0 * kStep);
    EXPECT_NEAR(gradient[i], (8.0 * near - far) / (12.0 * kStep), 1e-8) << objective->name_of(i);
    largest = std::max(largest, std::abs(gradient[i]));
  }
  EXPECT_GT(largest, 1e-3) << "could not fail";
}

/// The windows of network_references.py.
class Squares final : public TokenWindows {
 public:
  std::int64_t count() const override { return 2; }
  void read(std::int64_t window, std::int64_t* tokens) const override {
    for (std::int64_t i = 9 * window; i < 9 * (window + 1); ++i) *tokens++ = i * i % 37;
  }
  std::uint64_t hash() const override { return 0; }
};

TEST(LanguageObjective, LossAndGradientNormAreHuggingFaces) {
  LanguageTask task;
  auto sets = std::make_shared<TokenSets>();
  sets->vocabulary = 40;
  sets->context = 8;
  sets->train = std::make_unique<Squares>();
  task.sets = sets;
  task.precision = NetworkPrecision::float64;
  task.network = {.vocabulary = 40, .context = 16, .width = 32, .depth = 2, .heads = 4, .kv_heads = 2, .mlp_width = 48};
  const auto network = make_language_network(task.network, 1);
  fill(*network);
  NamedTensors weights;
  for (const auto& item : network->named_parameters()) weights.emplace_back(item.key(), item.value().detach());
  const auto evaluator = task.make_evaluator();
  evaluator->model().assign(weights, "pattern");
  const auto objective = task.make_objective();
  objective->parameters().copy_(evaluator->model().values);

  const double loss = objective->add_gradient({0, 0, 0, 1, 2}).loss;  // both windows, in either order
  std::ifstream in(QUASAR_SOURCE_DIR "/tests/distributed/network_references.json");
  const json reference = json::parse(in).at("language_objective");
  // Hugging Face computes the rotary angles and the loss in FP32.
  EXPECT_NEAR(loss, reference.at("loss"), 2e-6);
  EXPECT_NEAR(at::norm(objective->gradient()).item<double>() / reference.at("gradient_norm").get<double>(), 1.0, 2e-6);
}

TEST(LanguageObjective, MicroBatchesAddUpToTheBatch) {
  LanguageRun run = double_precision(LanguageRun());
  const auto whole = run.task.make_objective();
  run.task.micro_size = 2;
  const auto parts = run.task.make_objective();
  const BatchResult a = whole->add_gradient({0, 0, 0, 1, 5}), b = parts->add_gradient({0, 0, 0, 1, 5});
  EXPECT_NEAR(a.loss, b.loss, 1e-14);
  EXPECT_LT(distance(whole->gradient(), parts->gradient()), 1e-14);
  EXPECT_GT(at::norm(whole->gradient()).item<double>(), 1e-3);
}

TEST(LanguageObjective, Bfloat16IsNearFloat32AndKeepsMasterWeights) {
  LanguageRun run;
  const auto exact = run.task.make_objective();
  run.task.precision = NetworkPrecision::bfloat16;
  const auto rounded = run.task.make_objective();
  EXPECT_EQ(rounded->parameters().scalar_type(), at::kFloat);
  const BatchResult a = exact->add_gradient({0, 0, 0, 1, 8}), b = rounded->add_gradient({0, 0, 0, 1, 8});
  EXPECT_NEAR(a.loss, b.loss, 0x1p-8 * a.loss);
  EXPECT_NE(a.loss, b.loss);
  const double norm = at::norm(exact->gradient()).item<double>();
  EXPECT_LT(distance(exact->gradient(), rounded->gradient()), 0.05 * norm);
}

TEST(LanguageIdentities, OneWorkerIsThePlainOptimizerBitForBitWhateverThePeriod) {  // E2
  LanguageRun run(15);
  run.workers = 1;
  const at::Tensor plain = train_plainly(run.task, run.options.local_sgd, run.schedule);
  for (const std::int64_t period : {1, 4, 15}) {
    run.schedule.sync.rule = sync_rules::Constant{period};
    EXPECT_TRUE(run.parameters().equal(plain)) << "H = " << period;
  }
}

TEST(LanguageIdentities, WorkersInTurnEqualWorkersSideBySide) {
  LanguageRun run = double_precision(LanguageRun(12));
  run.workers = 4;
  const at::Tensor side_by_side = run.parameters();
  run.workers = 2;
  EXPECT_LT(distance(side_by_side, run.parameters(2)), 1e-11);
  run.workers = 1;
  EXPECT_LT(distance(side_by_side, run.parameters(4)), 1e-11);
  EXPECT_GT(distance(side_by_side, run.parameters(3)), 1e-3) << "could not fail";
}

TEST(LanguageIdentities, SlowMoWithoutMomentumIsPlainAveraging) {  // E5
  const LanguageRun plain = double_precision(LanguageRun());
  LanguageRun slow = plain, real = plain;
  slow.options.local_sgd.outer.kind = SlowMo{.beta = 0.0, .alpha = 1.0};
  real.options.local_sgd.outer.kind = SlowMo{.beta = 0.5, .alpha = 1.0};
  const at::Tensor expected = plain.parameters();
  EXPECT_LT(distance(expected, slow.parameters()), 1e-12);
  EXPECT_GT(distance(expected, real.parameters()), 1e-3);
}

TEST(LanguageTraining, ResumesAtAnyStepToTheSameBits) {  // E7
  struct Case {
    const char* name;
    std::function<void(LanguageRun&)> set;
  };
  const Case cases[] = {
      {"QSR",
       [](LanguageRun& run) {
         run.schedule.learning_rate.decay = lr_decay::Cosine{};
         run.schedule.learning_rate.final = 0.001;
         run.schedule.sync = {.rule = sync_rules::Power{0.015, 2.0, 2}, .total_steps = 24, .switch_step = 3};
       }},
      {"norm test",
       [](LanguageRun& run) { run.options.local_sgd.norm_test = NormTest{.tolerance = 0.7, .max_local_size = 8}; }},
      {"SlowMo, bfloat16", [](LanguageRun& run) {
         run.options.local_sgd.outer.kind = SlowMo{};
         run.task.precision = NetworkPrecision::bfloat16;
       }}};
  for (const Case& c : cases) {
    LanguageRun run;
    run.options.checkpoint.every = 5;
    c.set(run);
    const auto train = [&](const std::filesystem::path& folder, const std::optional<Checkpoint>& from) {
      Recorder recorder(folder, Config::from_text("", "test"), {});
      return run.run({&recorder, folder, json::object(), from});
    };
    const TemporaryFolder whole;
    const std::uint64_t expected = train(whole.path(), {}).parameter_hash;
    for (const int step : {1, 6, 8, 11}) {
      const TemporaryFolder folder;
      set_fault_plan("error@rank=1,step=" + std::to_string(step) + ",site=before_local_step");
      EXPECT_ANY_THROW(train(folder.path(), {})) << c.name;
      set_fault_plan("");
      const auto newest = CheckpointFolder(folder.path()).newest_valid([](const std::string&) {});
      ASSERT_TRUE(newest.has_value());
      EXPECT_EQ(newest->step, step / 5 * 5);
      EXPECT_EQ(train(folder.path(), newest).parameter_hash, expected) << c.name << ", stopped at step " << step;
    }
  }
}

TEST(LanguageTraining, EvaluationCountsEveryTokenOfEveryWindowOnceWhateverTheWorkers) {  // E10
  LanguageRun run(2, 1);
  for (const int workers : {1, 2, 3}) {
    run.workers = workers;
    EXPECT_EQ(run.run().test.count, 101 * kContext);
  }
}

TEST(LanguageTraining, ReachesTheEntropyOfTheChainAndNotLess) {
  LanguageRun run(500, 8);
  run.options.local_sgd.local_batch_size = 16;
  run.schedule.learning_rate = {.decay = lr_decay::Cosine{}, .peak = 0.02, .final = 1e-4, .total_steps = 500};
  const TrainerResult result = run.run();
  // What the chain itself would lose on the same windows: their own entropy, without the noise of the sample.
  double chains = 0.0;
  const auto& text = dynamic_cast<const MarkovWindows&>(*run.task.sets->test);
  std::vector<std::int64_t> tokens(kContext + 1);
  for (std::int64_t i = 0; i < text.count(); ++i) {
    text.read(i, tokens.data());
    for (std::size_t j = 1; j < tokens.size(); ++j) chains -= std::log(text.probability(tokens[j - 1], tokens[j]));
  }
  const double count = static_cast<double>(result.test.count), excess = (result.test.loss - chains) / count;
  EXPECT_GT(excess, 0.0) << "no model has a lower expected loss than the chain";
  EXPECT_LT(excess, 0.02);
  const double deviation = std::sqrt(0.6875) * std::log(2.0) / std::sqrt(count);
  EXPECT_NEAR(chains / count, MarkovWindows::entropy_rate(), 4.0 * deviation);
  const json scores = run.task.scores(result.test);
  EXPECT_NEAR(std::log(scores.at("perplexity").get<double>()), scores.at("loss").get<double>(), 1e-12);
  EXPECT_NEAR(scores.at("accuracy").get<double>(), 0.5, 4.0 * 0.5 / std::sqrt(count)) << "the likeliest token's share";
}

}  // namespace
}  // namespace quasar
