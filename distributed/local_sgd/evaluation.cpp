#include "distributed/local_sgd/evaluation.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "core/errors.h"
#include "distributed/local_sgd/trainer.h"

namespace quasar {
namespace {

/// This worker's share of the first `count` samples.
EvaluationCounts evaluate_share(Evaluator& scratch, Split split, std::int64_t count, Worker& worker,
                                const std::function<void()>& beat) {
  const std::int64_t first = count * worker.rank() / worker.count();
  const std::int64_t last = count * (worker.rank() + 1) / worker.count();
  return scratch.evaluate(split, first, last - first, beat);
}

}  // namespace

void load_average(const EvaluateOptions& options, const TrainingTask& task, BatchNormPolicy batch_norm,
                  LocalSgd& training, Evaluator& scratch, Worker& worker) {
  FlatParameters& model = scratch.model();
  model.values.copy_(options.ema ? training.ema() : training.shadow_parameters());
  if (model.buffers.numel() == 0) return;
  const TrainingPosition& at = training.position();
  if (batch_norm != BatchNormPolicy::reestimate || at.step == 0) {
    model.buffers.copy_(training.shadow_buffers());
    return;
  }
  scratch.reestimate_batch_norm(at.place, worker.rank(), worker.count(),
                                task.micro_size > 0 ? task.micro_size : at.local_batch, options.batch_norm_batches,
                                [&] { worker.beat(at.step); });
  worker.average(model.buffers, Purpose::measurement);
}

Evaluation evaluate(const EvaluateOptions& options, const TrainingTask& task, BatchNormPolicy batch_norm,
                    LocalSgd& training, Evaluator& scratch, Worker& worker) {
  load_average(options, task, batch_norm, training, scratch, worker);
  const auto beat = [&] { worker.beat(training.position().step); };
  const std::int64_t of_test = task.samples(Split::test),
                     of_train = std::min(options.train_samples, task.samples(Split::train));
  const EvaluationCounts test = evaluate_share(scratch, Split::test, of_test, worker, beat);
  const EvaluationCounts train = evaluate_share(scratch, Split::train, of_train, worker, beat);
  // Counts below 2^53 are exact in double.
  at::Tensor sums = at::tensor({test.loss, static_cast<double>(test.correct), static_cast<double>(test.count),
                                train.loss, static_cast<double>(train.correct), static_cast<double>(train.count)},
                               at::kDouble);
  worker.sum(sums, Purpose::measurement);
  const double* s = sums.data_ptr<double>();
  const auto counts = [&](const double* v, std::int64_t samples) {
    if (samples > 0 && v[2] == 0.0)
      throw DataError("all " + std::to_string(samples) + " " + task.sample_name() +
                      " that an evaluation asks for are damaged: there is nothing to evaluate");
    return EvaluationCounts{v[0], static_cast<std::int64_t>(v[1]), static_cast<std::int64_t>(v[2])};
  };
  return {counts(s, of_test), counts(s + 3, of_train)};
}

}  // namespace quasar
