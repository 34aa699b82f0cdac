#pragma once

#include <functional>

#include "distributed/engine/workers.h"
#include "distributed/local_sgd/local_sgd.h"
#include "distributed/local_sgd/training_task.h"

namespace quasar {

struct EvaluateOptions;  // trainer.h

/// Test set and a fixed part of the training set, each sample exactly once over all workers; skipped ones not at all.
struct Evaluation {
  EvaluationCounts test, train;
};

/// Evaluates the average of the workers on a scratch model; training is left bit for bit as it is. A collective.
///
/// Between averages the model is a shadow average. Batch norm gets the statistics that the averaging policy asks for.
/// throws  DataError on all workers if every sample of one of the two is damaged
Evaluation evaluate(const EvaluateOptions& options, const TrainingTask& task, BatchNormPolicy batch_norm,
                    LocalSgd& training, Evaluator& scratch, Worker& worker);

/// Puts the evaluated model (average, EMA if asked for, batch-norm statistics) into scratch.model(). A collective.
void load_average(const EvaluateOptions& options, const TrainingTask& task, BatchNormPolicy batch_norm,
                  LocalSgd& training, Evaluator& scratch, Worker& worker);

}  // namespace quasar
