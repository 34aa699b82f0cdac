#include <chrono>

#include <torch/csrc/autograd/autograd.h>

#include "core/fault_plan.h"
#include "distributed/engine/overlapped_gradients.h"
#include "distributed/local_sgd/image_model.h"

namespace quasar {
namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

template <class Real>
class ImageObjective final : public Objective {
 public:
  explicit ImageObjective(const ImageTask& task)
      : task_(task), model_(task), sampler_(task.sampler, task.samples(Split::train)) {}

  at::Tensor& parameters() override { return model_.flat.values; }
  at::Tensor& gradient() override { return model_.flat.gradients; }
  at::Tensor buffers() override { return model_.flat.buffers; }
  std::int64_t decayed() const override { return model_.flat.decayed; }
  std::vector<at::Tensor> leaves() override { return model_.network().parameters(); }
  void overlap(OverlappedGradients* overlapped) override { overlapped_ = overlapped; }

  std::string name_of(std::int64_t offset) const override {
    std::string name = "parameters";
    for (const FlatParameters::Entry& entry : model_.flat.entries)
      if (!entry.in_buffers && entry.offset <= offset) name = entry.name;
    return name;
  }

  BatchResult add_gradient(const BatchName& batch) override {
    const auto start = Clock::now();
    BatchResult result;
    result.next_place = sampler_.take(batch.place, batch.worker, batch.num_workers, batch.local_batch, visits_);
    sampler_.take(result.next_place, batch.worker, batch.num_workers, batch.local_batch, next_visits_);
    fault_at(FaultSite::batch_read, batch.worker, batch.step);
    model_.batches().prefetch(visits_);
    const std::int64_t micro = task_.micro_size > 0 ? task_.micro_size : batch.local_batch;
    // A batch's variance needs every micro-batch's gradient by itself.
    at::Tensor sum = batch.variance && micro < batch.local_batch ? at::zeros_like(gradient()) : at::Tensor();
    for (std::int64_t first = 0; first < batch.local_batch; first += micro) {
      const std::int64_t count = std::min(micro, batch.local_batch - first);
      const double share = static_cast<double>(count) / static_cast<double>(batch.local_batch);
      add_micro_batch({visits_.data() + first, static_cast<std::size_t>(count)}, share,
                      first + count == batch.local_batch, batch.measured, result);
      if (!sum.defined()) continue;
      const double norm = at::norm(gradient()).template item<double>() / share;
      result.micro_squared_norms.push_back(norm * norm);
      sum.add_(gradient());
      gradient().zero_();
    }
    if (sum.defined()) gradient().copy_(sum);
    // With what it frees, which is much of it.
    result.backward_seconds = seconds(start, Clock::now()) - result.data_seconds - result.forward_seconds;
    return result;
  }

 private:
  /// Adds `share` of the micro-batch's mean loss and its gradient.
  void add_micro_batch(std::span<const Visit> visits, double share, bool is_last, bool measured, BatchResult& result) {
    const auto start = Clock::now();
    const auto count = static_cast<std::int64_t>(visits.size());
    const at::Tensor inputs = model_.make_inputs(count), host_labels = at::empty({count}, at::kLong);
    MixUp mixed;
    model_.batches().read(visits, inputs.data_ptr<Real>(), host_labels.data_ptr<std::int64_t>(), &mixed);
    if (is_last) model_.batches().prefetch(next_visits_);
    const at::Tensor labels = host_labels.to(task_.device);
    const auto read = Clock::now();

    if (overlapped_ && is_last) overlapped_->before_forward();
    const at::Tensor logits = model_.logits(inputs);
    at::Tensor loss = cross_entropy(logits, labels);
    if (task_.augmentation.mixup > 0.0) {
      const at::Tensor partners = at::from_blob(mixed.partner_labels.data(), {count}, at::kLong).to(task_.device);
      loss = loss * mixed.lambda + cross_entropy(logits, partners) * (1.0 - mixed.lambda);
    }
    const at::Tensor weighted = share == 1.0 ? loss : loss * share;
    const auto forward = Clock::now();
    if (overlapped_ && is_last) overlapped_->before_backward({weighted});
    torch::autograd::backward({weighted}, {});
    result.data_seconds += seconds(start, read);
    result.forward_seconds += seconds(read, forward);
    result.loss += weighted.template item<double>();
    if (!measured) return;
    result.correct += logits.argmax(1).eq(labels).sum().template item<std::int64_t>();
    result.predictions += count;
  }

  at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& labels) const {
    return at::cross_entropy_loss(logits, labels, {}, at::Reduction::Mean, -100, task_.label_smoothing);
  }

  const ImageTask task_;
  ImageModel<Real> model_;
  Sampler sampler_;
  std::vector<Visit> visits_;
  std::vector<Visit> next_visits_;  // if the batch keeps its size
  OverlappedGradients* overlapped_ = nullptr;
};

}  // namespace

std::unique_ptr<Objective> ImageTask::make_objective() const {
  if (precision == NetworkPrecision::float64) return std::make_unique<ImageObjective<double>>(*this);
  return std::make_unique<ImageObjective<float>>(*this);
}

}  // namespace quasar
