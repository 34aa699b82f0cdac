#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "distributed/data/batch_reader.h"
#include "distributed/data/labelled_images.h"
#include "distributed/data/sampler.h"
#include "distributed/local_sgd/objective.h"
#include "distributed/networks/flat_parameters.h"
#include "distributed/networks/image_network.h"

namespace quasar {

class Config;

/// bfloat16 is autocast: master weights, gradients, averages and the loss stay FP32.
enum class NetworkPrecision { float32, bfloat16, float64 };

/// Image classification by a network: everything that the mini-batch loss is made of.
struct ImageTask {
  std::shared_ptr<const LabelledImageSets> sets;
  ImageNetworkOptions network;
  SamplerOptions sampler;
  AugmentationOptions augmentation;
  double label_smoothing = 0.0;
  NetworkPrecision precision = NetworkPrecision::float32;
  bool channels_last = false;
  std::int64_t micro_size = 0;  ///< gradients are accumulated over micro-batches of so many samples; 0: all at once
  std::uint64_t seed = 1;
  at::Device device = at::kCPU;

  /// Reads `data.*`, `network.*`, `loss.*`, `batch.micro_size` and `run.seed`.
  static ImageTask read(const Config& config, std::uint64_t seed);
};

/// One worker's mini-batch loss: CE(f(x), y), mixed and smoothed as the task says.
std::unique_ptr<Objective> make_image_objective(const ImageTask& task);

/// Sums over samples, each counted once.
struct EvaluationCounts {
  double loss = 0.0;
  std::int64_t correct = 0, count = 0;
};

/// A scratch model, apart from training: it evaluates parameters that are loaded into it.
class ImageEvaluator {
 public:
  virtual ~ImageEvaluator() = default;

  virtual FlatParameters& model() = 0;

  /// In evaluation mode, samples [first, first + count) in file order; `beat` is called after every batch.
  virtual EvaluationCounts evaluate(const LabelledImages& images, std::int64_t first, std::int64_t count,
                                    const std::function<void()>& beat) = 0;

  /// Mean and variance of batch norm over `batches` training batches from this place on, each local_batch samples:
  /// this worker measures every num_workers-th and leaves its own mean of them in model().buffers.
  virtual void reestimate_batch_norm(std::int64_t place, int worker, int num_workers, std::int64_t local_batch,
                                     std::int64_t batches, const std::function<void()>& beat) = 0;

  /// Mean loss of the first `count` training samples with batch statistics, leaving running ones alone.
  virtual double probe_loss(const at::Tensor& parameters, std::int64_t count) = 0;
};

std::unique_ptr<ImageEvaluator> make_image_evaluator(const ImageTask& task);

}  // namespace quasar
