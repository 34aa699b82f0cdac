#include "distributed/local_sgd/averaging_policy.h"

#include <array>

#include <nlohmann/json.hpp>

#include "core/config.h"

namespace quasar {
namespace {

constexpr std::array<const char*, 3> kAtAverage = {"keep", "average", "reset"};
constexpr std::array<const char*, 4> kBatchNorm = {"keep", "average", "pooled", "reestimate"};

template <class Enum, std::size_t N>
Enum read_choice(const Config& config, const std::string& key, const std::array<const char*, N>& names, Enum fallback) {
  const std::vector<std::string> options(names.begin(), names.end());
  const std::string chosen = config.choice(key, options, options[static_cast<std::size_t>(fallback)]);
  return static_cast<Enum>(std::find(options.begin(), options.end(), chosen) - options.begin());
}

const char* name(AtAverage action) { return kAtAverage[static_cast<std::size_t>(action)]; }

}  // namespace

AveragingPolicy AveragingPolicy::read(const Config& config) {
  AveragingPolicy policy;
  policy.momentum = read_choice(config, "averaging.momentum", kAtAverage, policy.momentum);
  policy.adam_m = read_choice(config, "averaging.adam_m", kAtAverage, policy.adam_m);
  policy.adam_v = read_choice(config, "averaging.adam_v", kAtAverage, policy.adam_v);
  policy.batch_norm = read_choice(config, "averaging.batch_norm", kBatchNorm, policy.batch_norm);
  return policy;
}

nlohmann::json AveragingPolicy::to_json() const {
  return {{"params", "average"},    {"momentum", name(momentum)},
          {"adam_m", name(adam_m)}, {"adam_v", name(adam_v)},
          {"adam_step", "keep"},    {"batch_norm", kBatchNorm[static_cast<std::size_t>(batch_norm)]}};
}

}  // namespace quasar
