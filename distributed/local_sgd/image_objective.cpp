#include "distributed/local_sgd/image_model.h"
#include "distributed/local_sgd/network_objective.h"

namespace quasar {
namespace {

template <class Real>
class ImageObjective final : public NetworkObjective {
 public:
  explicit ImageObjective(const ImageTask& task) : NetworkObjective(task), task_(task), model_(task) {}

 protected:
  torch::nn::Module& network() override { return model_.network(); }
  FlatParameters& flat() override { return model_.flat; }
  const FlatParameters& flat() const override { return model_.flat; }

  Batch read(std::span<const Visit> visits) override {
    const auto count = static_cast<std::int64_t>(visits.size());
    const at::Tensor inputs = model_.make_inputs(count), labels = at::empty({count}, at::kLong);
    model_.batches().read(visits, inputs.data_ptr<Real>(), labels.data_ptr<std::int64_t>(), &mixed_);
    return {inputs, labels.to(task_.device)};
  }

  void prefetch(std::span<const Visit> visits) override { model_.batches().prefetch(visits); }

  at::Tensor logits(const Batch& batch) override { return model_.logits(batch.inputs); }

  at::Tensor mean_loss(const at::Tensor& logits, const Batch& batch) override {
    const at::Tensor loss = cross_entropy(logits, batch.targets);
    if (task_.augmentation.mixup == 0.0) return loss;
    const at::Tensor partners =
        at::from_blob(mixed_.partner_labels.data(), batch.targets.sizes(), at::kLong).to(task_.device);
    return loss * mixed_.lambda + cross_entropy(logits, partners) * (1.0 - mixed_.lambda);
  }

 private:
  at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& labels) const {
    return at::cross_entropy_loss(logits, labels, {}, at::Reduction::Mean, -100, task_.label_smoothing);
  }

  const ImageTask task_;
  ImageModel<Real> model_;
  MixUp mixed_;  // of the batch read last
};

}  // namespace

std::unique_ptr<Objective> ImageTask::make_objective() const {
  if (precision == NetworkPrecision::float64) return std::make_unique<ImageObjective<double>>(*this);
  return std::make_unique<ImageObjective<float>>(*this);
}

std::shared_ptr<torch::nn::Module> ImageTask::make_undrawn_network() const {
  return make_undrawn_image_network(network);
}

}  // namespace quasar
