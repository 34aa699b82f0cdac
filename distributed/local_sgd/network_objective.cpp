#include "distributed/local_sgd/network_objective.h"

#include <algorithm>
#include <chrono>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/module.h>

#include "core/fault_plan.h"
#include "distributed/engine/overlapped_gradients.h"

namespace quasar {
namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

NetworkObjective::NetworkObjective(const TrainingTask& task)
    : micro_size_(task.micro_size), sampler_(task.sampler, task.samples(Split::train)) {}

std::vector<at::Tensor> NetworkObjective::leaves() { return network().parameters(); }

std::string NetworkObjective::name_of(std::int64_t offset) const {
  std::string name = "parameters";
  for (const FlatParameters::Entry& entry : flat().entries)
    if (!entry.in_buffers && entry.offset <= offset) name = entry.name;
  return name;
}

BatchResult NetworkObjective::add_gradient(const BatchName& batch) {
  const auto start = Clock::now();
  BatchResult result;
  result.next_place = sampler_.take(batch.place, batch.worker, batch.num_workers, batch.local_batch, visits_);
  sampler_.take(result.next_place, batch.worker, batch.num_workers, batch.local_batch, next_visits_);
  fault_at(FaultSite::batch_read, batch.worker, batch.step);
  prefetch(visits_);
  result.data_seconds = seconds(start, Clock::now());
  const std::int64_t micro = micro_size_ > 0 ? micro_size_ : batch.local_batch;
  // A batch's variance needs every micro-batch's gradient by itself.
  at::Tensor sum = batch.variance && micro < batch.local_batch ? at::zeros_like(gradient()) : at::Tensor();
  for (std::int64_t first = 0; first < batch.local_batch; first += micro) {
    const std::int64_t count = std::min(micro, batch.local_batch - first);
    const double share = static_cast<double>(count) / static_cast<double>(batch.local_batch);
    add_micro_batch({visits_.data() + first, static_cast<std::size_t>(count)}, share,
                    first + count == batch.local_batch, batch.measured, result);
    if (!sum.defined()) continue;
    const double norm = at::norm(gradient()).item<double>() / share;
    result.micro_squared_norms.push_back(norm * norm);
    sum.add_(gradient());
    gradient().zero_();
  }
  if (sum.defined()) gradient().copy_(sum);
  // With what it frees, which is much of it.
  result.backward_seconds = seconds(start, Clock::now()) - result.data_seconds - result.forward_seconds;
  return result;
}

void NetworkObjective::add_micro_batch(std::span<const Visit> visits, double share, bool is_last, bool measured,
                                       BatchResult& result) {
  const auto start = Clock::now();
  const Batch batch = read(visits);
  if (is_last) prefetch(next_visits_);
  const auto was_read = Clock::now();
  if (overlapped_ && is_last) overlapped_->before_forward();
  const at::Tensor scores = logits(batch), loss = mean_loss(scores, batch);
  const at::Tensor weighted = share == 1.0 ? loss : loss * share;
  const auto forward = Clock::now();
  if (overlapped_ && is_last) overlapped_->before_backward({weighted});
  torch::autograd::backward({weighted}, {});
  result.data_seconds += seconds(start, was_read);
  result.forward_seconds += seconds(was_read, forward);
  result.loss += weighted.item<double>();
  if (!measured) return;
  result.correct += scores.argmax(1).eq(batch.targets).sum().item<std::int64_t>();
  result.predictions += batch.targets.numel();
}

}  // namespace quasar
