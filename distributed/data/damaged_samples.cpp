#include "distributed/data/damaged_samples.h"

#include <cstdio>

namespace quasar {

void DamagedSamples::add(std::int64_t sample, const std::string& message) {
  const std::lock_guard lock(mutex_);
  if (!samples_.insert(sample).second) return;
  std::fprintf(stderr, "quasar: %s; it is skipped (damaged so far: %zu)\n", message.c_str(), samples_.size());
}

std::vector<std::int64_t> DamagedSamples::samples() const {
  const std::lock_guard lock(mutex_);
  return {samples_.begin(), samples_.end()};
}

}  // namespace quasar
