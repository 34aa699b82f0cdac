#pragma once

#include <nlohmann/json_fwd.hpp>

namespace quasar {

class Config;

/// What happens to the optimiser's local state at an average of parameters.
enum class AtAverage { keep, average, reset };

/// Which batch-norm statistics a worker goes on with after an average, and which the evaluated model has.
///
///   keep        local ones stay; the evaluated model takes their mean over the workers
///   average     mean and variance are replaced by their means over the workers
///   pooled      the same, with the variance of the means added: the variance of the pooled data
///   reestimate  local ones stay; the evaluated model's are measured anew on training batches (Gu et al. 2024's code)
enum class BatchNormPolicy { keep, average, pooled, reestimate };

/// What an average does to everything a worker has; parameters themselves are always averaged.
///
/// The default is that of the published code: moments stay local and are neither averaged nor reset.
struct AveragingPolicy {
  AtAverage momentum = AtAverage::keep;  ///< SGD's velocity
  AtAverage adam_m = AtAverage::keep;
  AtAverage adam_v = AtAverage::keep;
  BatchNormPolicy batch_norm = BatchNormPolicy::reestimate;

  AtAverage of(const std::string& state) const {
    return state == "momentum" ? momentum : state == "adam_m" ? adam_m : state == "adam_v" ? adam_v : AtAverage::keep;
  }

  /// Reads `averaging.*`.
  static AveragingPolicy read(const Config& config);
  nlohmann::json to_json() const;
};

}  // namespace quasar
