#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include <ATen/core/Tensor.h>

namespace quasar {

/// What a worker has exchanged; nothing if it is alone.
struct Account {
  std::int64_t collectives = 0;
  std::int64_t bytes = 0;  ///< of the tensors averaged, counted once however they travel
  double seconds = 0.0;    ///< spent in collectives, waiting for the slowest worker included
};

/// Training traffic is what the communication volume counts; measurements are kept apart.
enum class Purpose { training, measurement };

struct WorkerOptions {
  int count = 1;
  /// Compares kind, type and shape of every collective between the workers before it starts; it costs about as much as
  /// an average itself.
  bool check_collectives = true;
  /// A worker that fails is noticed at once; this is only the bound on waiting for one that hangs.
  double timeout_seconds = 1800.0;
};

/// One of the K workers, as seen from inside it.
class Worker {
 public:
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  int rank() const { return rank_; }
  int count() const { return count_; }

  /// Replaces the tensor on every worker by its mean over the workers; all must call it, in the same order.
  void average(at::Tensor& tensor, Purpose purpose = Purpose::training);
  /// Waits for all workers.
  void barrier();
  /// Throws PeerError if another worker has failed; costs one atomic read, for long stretches without a collective.
  void throw_if_peer_failed() const;

  const Account& account(Purpose purpose) const { return purpose == Purpose::training ? training_ : measurement_; }

 private:
  friend void run_workers(const WorkerOptions&, const std::function<void(Worker&)>&);
  struct Group;  // c10d's process group, which few files should have to include
  Worker(int rank, int count, const std::atomic<bool>& peer_failed);

  int rank_, count_;
  const std::atomic<bool>& peer_failed_;
  std::unique_ptr<Group> group_;  // none if K = 1
  Account training_, measurement_;
  std::int64_t collectives_begun_ = 0;
};

/// Runs `work` on K threads joined by one Gloo group on the loopback interface, and waits for all of them.
///
/// Each thread has at::set_num_threads(1). The first exception ends all workers (the others' next collective, or the
/// one they wait in, throws PeerError) and is thrown again here.
void run_workers(const WorkerOptions& options, const std::function<void(Worker&)>& work);

}  // namespace quasar
