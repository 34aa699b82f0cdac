#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "distributed/engine/workers.h"
#include "distributed/local_sgd/training_task.h"

namespace quasar {

/// Damaged samples that a run has skipped, by split (`train`, `test`); empty where none is ever skipped.
using SkippedSamples = std::map<std::string, std::set<std::int64_t>>;

/// Adds those that any worker's process has skipped so far. A collective.
///
/// What it adds is the same whatever the threads and processes, as only what was asked for is counted, and all of that was
/// asked for before the workers come together here.
void add_skipped(const TrainingTask& task, Worker& worker, SkippedSamples& skipped);

}  // namespace quasar
