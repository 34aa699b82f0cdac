#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>

#include <nlohmann/json_fwd.hpp>

namespace quasar {

/// One collective as the flight record keeps it.
struct Flight {
  std::int64_t number = 0;  ///< the how manieth of this worker
  const char* kind = "";
  const char* type = "";
  std::int64_t size = 0;  ///< numbers in the tensor
  const char* purpose = "";
  std::int64_t step = 0;
};

/// The last 64 collectives of one worker, with when they began and ended; written by its thread, readable from any.
class FlightRing {
 public:
  /// Returns what `end` wants to be told.
  std::size_t begin(const Flight& flight);
  void end(std::size_t begun);
  /// [{"number", "kind", "type", "size", "purpose", "step", "start", "end"}, ...], seconds since the ring was made,
  /// oldest first; "end" is null for one that never ended.
  nlohmann::json to_json() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    Flight flight;
    double start = 0.0, end = -1.0;
  };
  double now() const { return std::chrono::duration<double>(Clock::now() - origin_).count(); }

  const Clock::time_point origin_ = Clock::now();
  mutable std::mutex mutex_;
  std::array<Entry, 64> entries_;
  std::size_t begun_ = 0;
};

}  // namespace quasar
