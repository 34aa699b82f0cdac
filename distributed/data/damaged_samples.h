#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace quasar {

/// Which samples of a split were asked for and turned out damaged; all readers of a process share it.
class DamagedSamples {
 public:
  /// Says so on stderr the first time that a sample is found.
  void add(std::int64_t sample, const std::string& message);
  /// In ascending order.
  std::vector<std::int64_t> samples() const;

 private:
  mutable std::mutex mutex_;
  std::set<std::int64_t> samples_;
};

}  // namespace quasar
