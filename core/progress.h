#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace quasar {

/// Progress on stderr: one rewritten line on a terminal, otherwise one plain line every few seconds.
class Progress {
 public:
  /// unit  what is counted, for the rate ("steps")
  Progress(std::string label, double total, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// What an earlier process has done already; it counts in no rate.
  void start_at(double done) { before_ = done_ = done; }

  /// Says how much is done; costs a clock reading.
  void update(double done);

 private:
  using Clock = std::chrono::steady_clock;
  void print(double done, bool last);

  std::string label_;
  double total_;
  std::string unit_;
  bool terminal_;
  double before_ = 0.0, done_ = 0.0;
  bool printed_ = false;
  Clock::time_point start_, last_print_;
};

/// "12 s", "3 min 05 s", "2 h 10 min".
std::string format_duration(double seconds);

}  // namespace quasar
