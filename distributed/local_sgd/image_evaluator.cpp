#include <cmath>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/grad_mode.h>

#include "distributed/local_sgd/batch_norm.h"
#include "distributed/local_sgd/image_model.h"

namespace quasar {
namespace {

constexpr std::int64_t kBatch = 250;

template <class Real>
class ImageEvaluator final : public Evaluator {
 public:
  explicit ImageEvaluator(const ImageTask& task)
      : task_(task),
        scratch_(task),
        test_(make_batches<Real>(task.data, Split::test, {}, layout_of(task))),
        sampler_(task.sampler, task.samples(Split::train)) {}

  FlatParameters& model() override { return scratch_.flat; }

  EvaluationCounts evaluate(Split split, std::int64_t first, std::int64_t count,
                            const std::function<void()>& beat) override {
    const at::NoGradGuard no_grad;
    scratch_.network().eval();
    const ImageBatches<Real>& batches = split == Split::train ? scratch_.batches() : *test_;
    EvaluationCounts counts;
    for (std::int64_t done = 0; done < count; done += kBatch) {
      const auto [inputs, targets] = read(batches, first + done, std::min(kBatch, count - done));
      beat();
      if (targets.numel() == 0) continue;
      const at::Tensor logits = scratch_.logits(inputs);
      counts.loss += at::cross_entropy_loss(logits, targets, {}, at::Reduction::Sum).template item<double>();
      counts.correct += logits.argmax(1).eq(targets).sum().template item<std::int64_t>();
      counts.count += targets.numel();
    }
    beat();
    return counts;
  }

  void reestimate_batch_norm(std::int64_t place, int worker, int num_workers, std::int64_t local_batch,
                             std::int64_t batches, const std::function<void()>& beat) override {
    std::vector<Visit> visits;
    // Every step of the stream has a batch for each worker, so that each measures equally many.
    const std::int64_t own = (batches + num_workers - 1) / num_workers;
    quasar::reestimate_batch_norm(scratch_.network(), scratch_.flat.buffers, own, [&](std::int64_t) {
      place = sampler_.take(place, worker, num_workers, local_batch, visits);
      const at::Tensor inputs = scratch_.make_inputs(local_batch), labels = at::empty({local_batch}, at::kLong);
      MixUp mixed;
      scratch_.batches().read(visits, inputs.data_ptr<Real>(), labels.data_ptr<std::int64_t>(), &mixed);
      scratch_.logits(inputs);
      beat();
    });
  }

  double probe_loss(const at::Tensor& parameters, std::int64_t count) override {
    const at::NoGradGuard no_grad;
    scratch_.flat.values.copy_(parameters);
    scratch_.network().train();
    const auto [inputs, targets] = read(scratch_.batches(), 0, std::min(count, task_.samples(Split::train)));
    if (targets.numel() == 0) return std::nan("");
    return at::cross_entropy_loss(scratch_.logits(inputs), targets).template item<double>();
  }

 private:
  struct Images {
    at::Tensor inputs;   ///< (n, C, H, W) on the host
    at::Tensor targets;  ///< (n): their classes, on the task's device
  };

  /// Those of images [first, first + count) that are not skipped.
  Images read(const ImageBatches<Real>& batches, std::int64_t first, std::int64_t count) const {
    const at::Tensor inputs = scratch_.make_inputs(count), labels = at::empty({count}, at::kLong);
    const std::int64_t sound =
        batches.read_plain(first, count, inputs.data_ptr<Real>(), labels.data_ptr<std::int64_t>());
    return {inputs.narrow(0, 0, sound), labels.narrow(0, 0, sound).to(task_.device)};
  }

  const ImageTask task_;
  ImageModel<Real> scratch_;
  std::unique_ptr<ImageBatches<Real>> test_;
  Sampler sampler_;
};

}  // namespace

std::unique_ptr<Evaluator> ImageTask::make_evaluator() const {
  if (precision == NetworkPrecision::float64) return std::make_unique<ImageEvaluator<double>>(*this);
  return std::make_unique<ImageEvaluator<float>>(*this);
}

}  // namespace quasar
