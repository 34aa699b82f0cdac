#pragma once

#include <span>
#include <vector>

#include "distributed/local_sgd/training_task.h"

namespace torch::nn {
class Module;
}

namespace quasar {

/// The mini-batch loss of a network on flat buffers; its leaves say what a batch is and what the loss of its logits is.
class NetworkObjective : public Objective {
 public:
  explicit NetworkObjective(const TrainingTask& task);

  at::Tensor& parameters() override { return flat().values; }
  at::Tensor& gradient() override { return flat().gradients; }
  at::Tensor buffers() override { return flat().buffers; }
  std::int64_t decayed() const override { return flat().decayed; }
  std::vector<at::Tensor> leaves() override;
  void overlap(OverlappedGradients* overlapped) override { overlapped_ = overlapped; }
  std::string name_of(std::int64_t offset) const override;
  BatchResult add_gradient(const BatchName& batch) override;

 protected:
  /// Of some samples, on the task's device.
  struct Batch {
    at::Tensor inputs;
    at::Tensor targets;  ///< (n): a class for each of the n predictions
  };

  virtual torch::nn::Module& network() = 0;
  virtual FlatParameters& flat() = 0;
  virtual const FlatParameters& flat() const = 0;
  virtual Batch read(std::span<const Visit> visits) = 0;
  /// Says what will be read next, so that it can be prepared meanwhile.
  virtual void prefetch(std::span<const Visit> /*visits*/) {}
  virtual at::Tensor logits(const Batch& batch) = 0;  ///< (n, classes)
  virtual at::Tensor mean_loss(const at::Tensor& logits, const Batch& batch) = 0;

 private:
  /// Adds `share` of the micro-batch's mean loss and its gradient.
  void add_micro_batch(std::span<const Visit> visits, double share, bool is_last, bool measured, BatchResult& result);

  const std::int64_t micro_size_;
  Sampler sampler_;
  std::vector<Visit> visits_;
  std::vector<Visit> next_visits_;  // if the batch keeps its size
  OverlappedGradients* overlapped_ = nullptr;
};

}  // namespace quasar
