#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include "distributed/engine/flight_ring.h"
#include "distributed/engine/gloo_group.h"
#include "distributed/engine/liveness.h"
#include "distributed/engine/workers.h"

namespace quasar {

/// What a waiting worker sleeps on; woken by the end of its collective and by a failure anywhere.
struct WakeUp {
  std::mutex mutex;
  std::condition_variable changed;
  void notify() {
    { const std::lock_guard lock(mutex); }
    changed.notify_all();
  }
};

/// Its worker counts as alive while this lives.
struct Waiting {
  explicit Waiting(Pulse& pulse) : pulse_(pulse) { pulse_.waiting = true; }
  ~Waiting() {
    pulse_.waiting = false;
    pulse_.beats.fetch_add(1, std::memory_order_relaxed);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  Pulse& pulse_;
};

/// The rest of what c10d says is where it says it.
inline std::string first_line(const std::string& what) { return what.substr(0, what.find('\n')); }

/// Workers that exchange among themselves.
struct Worker::Group {
  c10::intrusive_ptr<c10d::Backend> gloo;
  c10::intrusive_ptr<c10d::Backend> nccl;  ///< made when the first tensor on a GPU comes
  std::string name;
  int rank = 0, count = 1;
};

/// Everything a worker needs to talk to its peers.
struct Worker::Connection {
  WorkerOptions options;
  c10::intrusive_ptr<c10d::Store> store;
  GlooDevice device;
  std::shared_ptr<Liveness> liveness;
  Pulse* pulse = nullptr;
  std::string host;

  Group all, in_node, across_nodes;
  Group asynchronous;  ///< for Reducer
  c10::intrusive_ptr<c10d::ProcessGroup> process_group;

  FlightRing flights;
  std::shared_ptr<WakeUp> wake_up = std::make_shared<WakeUp>();
  int listener = -1;
  std::vector<c10::intrusive_ptr<c10::ivalue::Future>> abandoned;  ///< collectives nobody waits for any more

  std::mutex mutex;  // guards what callbacks of asynchronous averages touch
  std::map<std::int64_t, c10::intrusive_ptr<c10::ivalue::Future>> running, promised;
  std::string asynchronous_error;

  /// Ends the waits for asynchronous averages after a failure.
  void fail_promises();
  /// Connects one more group; all its ranks must call it.
  void open(Group& group, const std::string& name, int rank, int count);
};

}  // namespace quasar
