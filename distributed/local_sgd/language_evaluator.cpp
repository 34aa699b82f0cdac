#include <algorithm>

#include <torch/csrc/autograd/grad_mode.h>

#include "distributed/local_sgd/language_model.h"

namespace quasar {
namespace {

constexpr std::int64_t kTokensAtOnce = 8192;

class LanguageEvaluator final : public Evaluator {
 public:
  explicit LanguageEvaluator(const LanguageTask& task) : task_(task), scratch_(task) {}

  FlatParameters& model() override { return scratch_.flat; }

  EvaluationCounts evaluate(Split split, std::int64_t first, std::int64_t count,
                            const std::function<void()>& beat) override {
    const at::NoGradGuard no_grad;
    const TokenWindows& text = split == Split::train ? *task_.sets->train : *task_.sets->test;
    const std::int64_t batch = std::max<std::int64_t>(1, kTokensAtOnce / task_.sets->context);
    EvaluationCounts counts;
    for (std::int64_t done = 0; done < count; done += batch) {
      const auto [inputs, targets] = read(text, first + done, std::min(batch, count - done));
      const at::Tensor logits = scratch_.logits(inputs);
      // Thousands of FP32 terms in one sum lose digits that the mean of a long text shows.
      counts.loss += at::cross_entropy_loss(logits, targets, {}, at::Reduction::None).sum(at::kDouble).item<double>();
      counts.correct += logits.argmax(1).eq(targets).sum().item<std::int64_t>();
      counts.count += targets.numel();
      beat();
    }
    return counts;
  }

  double probe_loss(const at::Tensor& parameters, std::int64_t count) override {
    const at::NoGradGuard no_grad;
    scratch_.flat.values.copy_(parameters);
    const auto [inputs, targets] = read(*task_.sets->train, 0, std::min(count, task_.samples(Split::train)));
    return at::cross_entropy_loss(scratch_.logits(inputs), targets).item<double>();
  }

 private:
  LanguageModel::Tokens read(const TokenWindows& text, std::int64_t first, std::int64_t count) const {
    const at::Tensor windows = scratch_.make_windows(count);
    for (std::int64_t i = 0; i < count; ++i)
      text.read(first + i, windows.data_ptr<std::int64_t>() + i * windows.size(1));
    return scratch_.to_device(windows);
  }

  const LanguageTask task_;
  LanguageModel scratch_;
};

}  // namespace

std::unique_ptr<Evaluator> LanguageTask::make_evaluator() const { return std::make_unique<LanguageEvaluator>(*this); }

}  // namespace quasar
