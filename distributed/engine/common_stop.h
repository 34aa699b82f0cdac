#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include <torch/csrc/distributed/c10d/Store.hpp>

namespace quasar {

/// Lets all workers stop at one common step, wherever in a round they are, without a collective.
///
/// A request (of any worker) lies in the store. Each worker's thread sees it within a fifth of a second and publishes a
/// limit, two steps ahead of its worker, which then does not pass it; the common step is the largest limit. So nobody has
/// to go back, and a worker that waits in an average is answered for by its thread.
class CommonStop {
 public:
  /// wanted  asked by the thread; a reason to stop (a signal, a wall-clock limit), or empty
  CommonStop(c10::intrusive_ptr<c10d::Store> store, int rank, int count, std::function<std::string()> wanted);
  ~CommonStop();
  CommonStop(const CommonStop&) = delete;
  CommonStop& operator=(const CommonStop&) = delete;

  void request(const std::string& reason);

  /// To be called before every step; true at the common step. Waits at this worker's limit until the step is known,
  /// calling `waiting` now and then, which may throw.
  bool is_reached(std::int64_t step, const std::function<void()>& waiting);

  /// Why to stop; valid once is_reached() was true.
  std::string reason();

 private:
  void watch();
  void publish_limit();
  bool find_target();

  c10::intrusive_ptr<c10d::Store> store_;
  const int rank_, count_;
  const std::function<std::string()> wanted_;
  std::atomic<std::int64_t> step_{0}, limit_{-1}, target_{-1};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace quasar
