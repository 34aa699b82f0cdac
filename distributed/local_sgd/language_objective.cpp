#include "distributed/local_sgd/language_model.h"
#include "distributed/local_sgd/network_objective.h"

namespace quasar {
namespace {

class LanguageObjective final : public NetworkObjective {
 public:
  explicit LanguageObjective(const LanguageTask& task) : NetworkObjective(task), task_(task), model_(task) {}

 protected:
  torch::nn::Module& network() override { return model_.network(); }
  FlatParameters& flat() override { return model_.flat; }
  const FlatParameters& flat() const override { return model_.flat; }

  Batch read(std::span<const Visit> visits) override {
    const at::Tensor windows = model_.make_windows(static_cast<std::int64_t>(visits.size()));
    auto* tokens = windows.data_ptr<std::int64_t>();
    for (const Visit& visit : visits) {
      task_.sets->train->read(visit.sample, tokens);
      tokens += windows.size(1);
    }
    const auto [inputs, targets] = model_.to_device(windows);
    return {inputs, targets};
  }

  at::Tensor logits(const Batch& batch) override { return model_.logits(batch.inputs); }

  at::Tensor mean_loss(const at::Tensor& logits, const Batch& batch) override {
    return at::cross_entropy_loss(logits, batch.targets);
  }

 private:
  const LanguageTask task_;
  LanguageModel model_;
};

}  // namespace

std::unique_ptr<Objective> LanguageTask::make_objective() const { return std::make_unique<LanguageObjective>(*this); }

std::shared_ptr<torch::nn::Module> LanguageTask::make_undrawn_network() const { return make_llama(network); }

}  // namespace quasar
