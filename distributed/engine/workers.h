#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <ATen/core/Tensor.h>
#include <nlohmann/json_fwd.hpp>

#include "distributed/engine/launch_environment.h"

namespace c10d {
class ProcessGroup;
class Store;
}  // namespace c10d
namespace c10::ivalue {
struct Future;
}

namespace quasar {

/// What a worker has exchanged; nothing if it is alone.
struct Account {
  std::int64_t collectives = 0;
  std::int64_t bytes = 0;     ///< of the tensors, counted once however they travel
  double seconds = 0.0;       ///< spent in collectives, waiting for the slowest worker included
  double wait_seconds = 0.0;  ///< the part of it spent waiting for the slowest, where that was told apart
};

/// Training traffic is what the communication volume counts; measurements are kept apart.
enum class Purpose { training, measurement };

/// Whether a collective first waits for all workers, so that waiting and transferring are told apart. Where collectives
/// are checked the check waits for all anyway.
enum class SplitWait { no, yes };

struct WorkerOptions {
  int count = 1;
  /// Compares kind, type, size, purpose and step of every collective between the workers before it starts; it costs one
  /// small all-gather.
  bool check_collectives = true;
  /// How long a worker may neither beat nor wait in a collective; who fails is noticed at once.
  double timeout_seconds = 60.0;
  /// How long the processes of one run may take to come together.
  double rendezvous_seconds = 300.0;
  int node_size = 0;               ///< workers a node, for averages within and across nodes; 0 or 1: none
  std::string interface = "";      ///< network interface or own address for Gloo; empty: found out
  int threads_per_worker = 1;      ///< at::set_num_threads
  bool affinity = false;           ///< pins the k-th worker of a machine to its share of the cores
  std::string flight_folder = "";  ///< where flight-rank-001.json goes after a failure; empty: nowhere
};

/// One of the K workers, as seen from inside it. All workers must call the same collectives in the same order; with
/// K = 1 none does anything.
class Worker {
 public:
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  int rank() const { return rank_; }
  int count() const { return count_; }
  const std::string& host() const;

  /// A sign of life, due at least once a time-out from the first one on; throws PeerError if another worker has failed.
  /// Costs a few atomic accesses.
  void beat(std::int64_t step);
  /// The same within a step.
  void throw_if_peer_failed() const;

  /// Replaces the tensor on every worker by its mean, sum or maximum over the workers.
  void average(at::Tensor& tensor, Purpose purpose = Purpose::training, SplitWait split = SplitWait::no);
  void sum(at::Tensor& tensor, Purpose purpose = Purpose::measurement);
  void maximum(at::Tensor& tensor, Purpose purpose = Purpose::measurement);
  /// The workers' tensors, of one shape, as (K, ...).
  at::Tensor gather(const at::Tensor& tensor, Purpose purpose = Purpose::measurement);
  /// Replaces the tensor by that of rank 0.
  void broadcast(at::Tensor& tensor, Purpose purpose = Purpose::measurement);
  /// Waits for all workers.
  void barrier();
  /// The mean over the workers of this node, and over those with this place in their nodes: workers n*i to n*(i+1)-1 are
  /// node i. Needs WorkerOptions::node_size.
  void average_in_node(at::Tensor& tensor, Purpose purpose = Purpose::training, SplitWait split = SplitWait::no);
  void average_across_nodes(at::Tensor& tensor, Purpose purpose = Purpose::training, SplitWait split = SplitWait::no);

  const Account& account(Purpose purpose) const { return purpose == Purpose::training ? training_ : measurement_; }
  /// {"rank", "host", "collectives": the last 64}.
  nlohmann::json flight_record() const;

  /// Keys that all workers share, under this name; safe to use from other threads. Of its own if K = 1.
  c10::intrusive_ptr<c10d::Store> keys(const std::string& name) const;

  /// A group of its own for c10d's Reducer, made at the first call, which all workers must make; null if K = 1. What runs
  /// in it directly is neither counted nor watched: see start_average.
  c10::intrusive_ptr<c10d::ProcessGroup> process_group();
  /// Starts averaging in that group and returns a future of {the tensor}; it fails when a peer does.
  c10::intrusive_ptr<c10::ivalue::Future> start_average(at::Tensor tensor);

 private:
  struct Connection;  // c10d's groups and the liveness, which few files should have to include
  struct Group;
  friend class WorkerRun;
  Worker(int rank, int count);

  void connect(std::shared_ptr<Connection> connection);
  /// Closes the groups, or leaves them where a collective is still stuck in them.
  void disconnect();
  void average_in(Group& group, const char* kind, at::Tensor& tensor, Purpose purpose, SplitWait split);
  template <class Start>
  void run_collective(Group& group, const char* kind, const at::Tensor& tensor, Purpose purpose, SplitWait split,
                      const Start& start);
  void check_fingerprints(Group& group, const char* kind, const at::Tensor& tensor, Purpose purpose);
  std::string why_peers_failed(const std::string& otherwise) const;
  void write_flight_record() const;

  int rank_, count_;
  std::shared_ptr<Connection> connection_;  // none if K = 1
  Account training_, measurement_;
};

/// Runs `work` on K threads joined by one Gloo group on the loopback interface, and waits for all of them.
///
/// The first exception ends all workers (the others' next collective, or the one they wait in, throws PeerError) and is
/// thrown again here. A thread that does not come back after a failure ends the process with exit code 6.
void run_workers(const WorkerOptions& options, const std::function<void(Worker&)>& work);

/// Runs `work` as one of the processes of `place`, which overrides options.count; without a place as above.
///
/// An exception's message reaches the other processes, whose PeerError names it.
void run_workers(const WorkerOptions& options, const std::optional<LaunchEnvironment>& place,
                 const std::function<void(Worker&)>& work);

}  // namespace quasar
