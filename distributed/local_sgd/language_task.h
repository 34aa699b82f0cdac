#pragma once

#include <memory>

#include "distributed/data/token_sets.h"
#include "distributed/local_sgd/training_task.h"
#include "distributed/networks/language_network.h"

namespace quasar {

/// Next-token prediction: the mean over all tokens of a batch of windows of
///
///   -ln p(x_{i+1} | x_1 ... x_i),  p = softmax f(x)_i,  i = 1 ... data.context       in nats a token
///
/// A sample is a window (TokenWindows), so batches, epochs and schedules count windows.
class LanguageTask final : public TrainingTask {
 public:
  std::shared_ptr<const TokenSets> sets;
  LanguageNetworkOptions network;

  /// Whether network.name or data.name is one of a language task.
  static bool is_meant_by(const Config& config);
  /// Reads `data.*`, `network.*` and `batch.micro_size`.
  static LanguageTask read(const Config& config, std::uint64_t seed);

  std::unique_ptr<Objective> make_objective() const override;
  std::unique_ptr<Evaluator> make_evaluator() const override;
  std::shared_ptr<torch::nn::Module> make_undrawn_network() const override;
  std::int64_t samples(Split split) const override;
  std::vector<std::int64_t> sample_shape() const override { return {sets->context}; }
  std::string sample_name() const override { return "windows"; }
  /// With `perplexity` e^loss, and `entropy_rate`, the lowest loss there can be, where it is known.
  nlohmann::json scores(const EvaluationCounts& counts) const override;
  nlohmann::json about() const override;
  std::uint64_t data_identity() const override { return sets->train->hash(); }
};

}  // namespace quasar
