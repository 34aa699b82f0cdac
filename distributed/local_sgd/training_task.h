#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <nlohmann/json_fwd.hpp>

#include "distributed/data/sampler.h"
#include "distributed/data/split.h"
#include "distributed/local_sgd/objective.h"
#include "distributed/networks/flat_parameters.h"

namespace torch::nn {
class Module;
}

namespace quasar {

class Config;
class DamagedSamples;

/// bfloat16 is autocast: master weights, gradients, averages and the loss stay FP32.
enum class NetworkPrecision { float32, bfloat16, float64 };

/// Sums over predictions (of images, or of tokens), each counted once.
struct EvaluationCounts {
  double loss = 0.0;
  std::int64_t correct = 0, count = 0;
};

/// A scratch model, apart from training: it evaluates parameters that are loaded into it.
class Evaluator {
 public:
  virtual ~Evaluator() = default;

  virtual FlatParameters& model() = 0;

  /// In evaluation mode, samples [first, first + count) in file order, skipped ones left out and not counted; `beat` is
  /// called after every batch.
  virtual EvaluationCounts evaluate(Split split, std::int64_t first, std::int64_t count,
                                    const std::function<void()>& beat) = 0;

  /// Mean and variance of batch norm over `batches` training batches from this place on, each local_batch samples:
  /// this worker measures every num_workers-th and leaves its own mean of them in model().buffers. Called only where
  /// there are such buffers.
  virtual void reestimate_batch_norm(std::int64_t /*place*/, int /*worker*/, int /*num_workers*/,
                                     std::int64_t /*local_batch*/, std::int64_t /*batches*/,
                                     const std::function<void()>& /*beat*/) {}

  /// Mean loss of the first `count` training samples (of those that are not skipped; NaN without any) in training mode,
  /// leaving running statistics alone.
  virtual double probe_loss(const at::Tensor& parameters, std::int64_t count) = 0;
};

/// What is learnt, from which data, by which network: all that the trainer and its checkpoints ask of it.
///
/// Objectives and evaluators hold what they need of a task, but for the data, which the task must outlive them with.
class TrainingTask {
 public:
  SamplerOptions sampler;
  NetworkPrecision precision = NetworkPrecision::float32;
  std::int64_t micro_size = 0;  ///< gradients are accumulated over micro-batches of so many samples; 0: all at once
  std::uint64_t seed = 1;
  at::Device device = at::kCPU;

  virtual ~TrainingTask() = default;

  /// One worker's mini-batch loss.
  virtual std::unique_ptr<Objective> make_objective() const = 0;
  virtual std::unique_ptr<Evaluator> make_evaluator() const = 0;

  /// The network before its start is drawn, on the CPU: for its sizes.
  virtual std::shared_ptr<torch::nn::Module> make_undrawn_network() const = 0;

  virtual std::int64_t samples(Split split) const = 0;
  /// Those that this process has skipped, being damaged; null where none is ever skipped.
  virtual const DamagedSamples* damaged(Split) const { return nullptr; }
  /// Of what the network sees of one sample.
  virtual std::vector<std::int64_t> sample_shape() const = 0;
  /// What one sample is, in the plural, as keys and messages call it.
  virtual std::string sample_name() const = 0;

  /// Mean loss, share of hits and the counts they come from, for records.
  virtual nlohmann::json scores(const EvaluationCounts& counts) const;
  /// What run.json says of the data.
  virtual nlohmann::json about() const = 0;
  /// 64 bits that identify the training data in checkpoints, wherever it lies; may read all of it.
  virtual std::uint64_t data_identity() const = 0;

 protected:
  TrainingTask() = default;
  TrainingTask(const TrainingTask&) = default;
  TrainingTask& operator=(const TrainingTask&) = default;

  /// Reads what every task has: `data.order`, `data.epoch`, `network.precision` and `batch.micro_size`.
  void read_shared(const Config& config, std::uint64_t run_seed);
};

}  // namespace quasar
