#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace quasar {

/// What one worker of this process shows of itself: stored by its own thread, read by the watchdog.
struct Pulse {
  std::atomic<std::int64_t> beats = 0, step = 0, collectives = 0;
  std::atomic<const char*> collective = "none";  ///< kind of the last one begun
  std::atomic<bool> waiting = false;             ///< in a collective, where nobody can beat
  std::atomic<bool> done = false;                ///< its work is over, well or not
};

/// What is known here of one rank, wherever it runs.
struct Sighting {
  std::int64_t ticks = 0;  ///< grows as long as the rank beats, or waits in a running process
  std::int64_t step = 0, collectives = 0;
  std::string collective = "none";
  bool waiting = false, done = false;

  friend bool operator==(const Sighting&, const Sighting&) = default;
};

/// Who failed first, as far as this process knows; rank -1 if nobody in particular.
struct Failure {
  int rank = -1;
  std::string message;
};

struct LivenessOptions {
  std::vector<std::string> hosts;  ///< one a rank
  int first_local = 0;             ///< the workers of this process are [first_local, first_local + local)
  int local = 1;
  double timeout_seconds = 60.0;
  std::string source = "";  ///< what carries the others' sightings, for messages; empty: all ranks are local
  int source_rank = -1;     ///< who runs it, if a rank does
};

/// Watches that every rank's pulse goes on, and remembers the first failure; one a process.
///
/// A rank that waits in a collective counts as alive, so neither a long round nor a straggler that beats trips it; all
/// ranks waiting without any progress for the time-out do.
class Liveness {
 public:
  explicit Liveness(LivenessOptions options);
  ~Liveness();
  Liveness(const Liveness&) = delete;
  Liveness& operator=(const Liveness&) = delete;

  Pulse& pulse(int local) { return pulses_[local]; }
  const std::vector<std::string>& hosts() const { return options_.hosts; }
  double timeout_seconds() const { return options_.timeout_seconds; }

  /// The first call counts: it wakes all who wait here. True if this was the first.
  bool fail(Failure failure);
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  Failure failure() const;
  /// Waits until somebody failed, for at most so long.
  bool wait_for_failure(double seconds) const;

  /// Called once, from the thread that notices the first failure; at once if it has happened.
  int add_listener(std::function<void()> listener);
  void remove_listener(int id);

  /// What a local rank shows now, and what others said of a remote one.
  Sighting look_at(int rank);
  void see(int rank, const Sighting& sighting);
  /// A collective has just told where a rank is; fresher than its last sighting.
  void met(int rank, std::int64_t step, std::int64_t collectives, const char* collective);
  /// The others could be asked, or no longer can.
  void heard();
  void source_broke(const std::string& why);
  /// "its last step was 7, its last collective 3 (average #3)".
  std::string last_seen(int rank) const;

  /// From now on a local worker that has not finished some time after a failure ends the process with exit code 6.
  void end_process_if_stuck(std::function<void()> before);

 private:
  using Clock = std::chrono::steady_clock;
  void watch();
  const Sighting& refresh(int rank);
  void look_around(Clock::time_point now);
  std::string last_seen_locked(int rank) const;
  Failure loss_of_source(const std::string& how) const;
  bool is_local(int rank) const;

  const LivenessOptions options_;
  std::vector<Pulse> pulses_;
  std::atomic<bool> failed_ = false;

  mutable std::mutex mutex_;  // guards all below
  mutable std::condition_variable changed_;
  Failure failure_;
  Clock::time_point failed_at_;
  std::vector<Sighting> sightings_;
  std::vector<std::int64_t> beats_seen_;
  std::vector<Clock::time_point> last_tick_;
  std::int64_t collectives_seen_ = -1;
  Clock::time_point last_progress_, last_heard_, last_look_;
  std::map<int, std::function<void()>> listeners_;
  int next_listener_ = 0;
  std::function<void()> before_exit_;
  bool stop_ = false;
  std::thread watchdog_;
};

}  // namespace quasar
