#include "distributed/local_sgd/training_task.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/config.h"

namespace quasar {

void TrainingTask::read_shared(const Config& config, std::uint64_t run_seed) {
  const std::string order =
      config.choice("data.order", {"reshuffle", "partition", "replacement"}, std::string("reshuffle"));
  sampler.kind = order == "partition"     ? SampleOrder::partition
                 : order == "replacement" ? SampleOrder::replacement
                                          : SampleOrder::reshuffle;
  sampler.epoch = config.choice("data.epoch", {"straddle", "drop"}, std::string("straddle")) == "drop"
                      ? EpochEnd::drop
                      : EpochEnd::straddle;
  sampler.seed = seed = run_seed;
  const std::string numbers =
      config.choice("network.precision", {"float32", "bfloat16", "float64"}, std::string("float32"));
  precision = numbers == "bfloat16"  ? NetworkPrecision::bfloat16
              : numbers == "float64" ? NetworkPrecision::float64
                                     : NetworkPrecision::float32;
  if (sampler.kind == SampleOrder::replacement && config.has("data.epoch") && sampler.epoch == EpochEnd::drop)
    config.fail("data.epoch", "= drop contradicts data.order = replacement, which has no epochs");
  micro_size = config.integer("batch.micro_size", at_least(0), 0);
}

nlohmann::json TrainingTask::scores(const EvaluationCounts& counts) const {
  const double count = static_cast<double>(std::max<std::int64_t>(1, counts.count));
  return {{"loss", counts.loss / count},
          {"accuracy", static_cast<double>(counts.correct) / count},
          {"correct", counts.correct},
          {"count", counts.count}};
}

}  // namespace quasar
