#include "distributed/engine/workers.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <latch>
#include <thread>
#include <vector>

#include <ATen/Parallel.h>
#include <torch/csrc/distributed/c10d/HashStore.hpp>

#include "core/errors.h"
#include "distributed/engine/pulse_exchange.h"
#include "distributed/engine/rendezvous.h"
#include "distributed/engine/worker_connection.h"

namespace quasar {
namespace {

/// c10d's flight recorder, one for the process, is not safe for groups in several threads: it adds to a std::map outside
/// its lock (FlightRecorderDetail.hpp, recordWithResetEnabled, version 2.11), which crashed one start in a hundred.
void turn_off_flight_recorder() {
  static const int once = setenv("TORCH_FR_BUFFER_SIZE", "0", 1);
  (void)once;
}

/// What threads started in its lifetime, Gloo's included, inherit; the caller gets its own settings back.
class ThreadSettings {
 public:
  ThreadSettings() {
    // Gloo writes to connections that a failed peer has closed.
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &signals_);
    // Gloo's polling thread spins while a sender holds the lock of its connection. Woken by that very sender, it would
    // take the sender's core for a whole time slice: 4 ms an average instead of 1 ms. Batch threads do not preempt.
    policy_ = sched_getscheduler(0);
    sched_getparam(0, &parameter_);
    const sched_param none{};
    if (policy_ == SCHED_OTHER) sched_setscheduler(0, SCHED_BATCH, &none);
    sched_getaffinity(0, sizeof(cores_), &cores_);
    threads_ = at::get_num_threads();
  }
  ~ThreadSettings() {
    at::set_num_threads(threads_);
    sched_setaffinity(0, sizeof(cores_), &cores_);
    sched_setscheduler(0, policy_, &parameter_);
    pthread_sigmask(SIG_SETMASK, &signals_, nullptr);
  }
  ThreadSettings(const ThreadSettings&) = delete;
  ThreadSettings& operator=(const ThreadSettings&) = delete;

 private:
  sigset_t signals_;
  int policy_;
  int threads_;
  sched_param parameter_;
  cpu_set_t cores_;
};

/// Pins this thread to the k-th of equal shares of the cores it may use.
void pin_to_share(int k, int shares) {
  cpu_set_t allowed, mine;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &allowed)) cores.push_back(core);
  const int count = static_cast<int>(cores.size()), size = std::max(1, count / shares);
  CPU_ZERO(&mine);
  for (int i = 0; i < size; ++i) CPU_SET(cores[(k * size + i) % count], &mine);
  sched_setaffinity(0, sizeof(mine), &mine);
}

void set_up_thread(const WorkerOptions& options, int local_rank, int local_count) {
  at::set_num_threads(options.threads_per_worker);
  if (options.affinity) pin_to_share(local_rank, local_count);
}

std::string what_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "an unknown exception";
  }
}

}  // namespace

/// The first exception and the last steps of a run's workers, in whichever form they run.
class WorkerRun {
 public:
  WorkerRun(const WorkerOptions& options, std::shared_ptr<Liveness> liveness)
      : options_(options), liveness_(std::move(liveness)) {}

  std::unique_ptr<Worker> make_worker(int rank, int count) const {
    return std::unique_ptr<Worker>(new Worker(rank, count));
  }

  void connect(Worker& worker, const c10::intrusive_ptr<c10d::Store>& store, const GlooDevice& device, Pulse& pulse) {
    auto connection = std::make_shared<Worker::Connection>();
    connection->options = options_;
    connection->store = store;
    connection->device = device;
    connection->liveness = liveness_;
    connection->pulse = &pulse;
    connection->host = liveness_->hosts()[worker.rank()];
    worker.connect(std::move(connection));
  }

  /// True if the action did not throw; else its worker is disconnected, so that whoever waits for it fails too.
  template <class Action, class Publish>
  bool guarded(Worker& worker, const Action& action, const Publish& publish) {
    try {
      action(worker);
      return true;
    } catch (...) {
      std::exception_ptr error = std::current_exception();
      if (worker.connection_) error = with_the_peers_reason(worker, std::move(error));
      remember(error);
      if (liveness_->fail({worker.rank(), what_of(error)})) publish(liveness_->failure());
      worker.write_flight_record();
      worker.disconnect();
      return false;
    }
  }
  /// "Saved; start me again" is no failure: all ranks say it, and part in peace.
  void work_or_restart(Worker& worker, const std::function<void(Worker&)>& work) {
    try {
      work(worker);
    } catch (const Error& error) {
      if (error.code() != ExitCode::restart) throw;
      remember(std::current_exception());
    }
  }
  void disconnect(Worker& worker) const { worker.disconnect(); }
  void write_flight_record(const Worker& worker) const { worker.write_flight_record(); }

  void rethrow() const {
    if (first_) std::rethrow_exception(first_);
  }

 private:
  /// What autograd throws when an overlapped average failed says nothing of the peer that did.
  static std::exception_ptr with_the_peers_reason(const Worker& worker, std::exception_ptr error) {
    try {
      std::rethrow_exception(error);
    } catch (const Error&) {
      return error;
    } catch (const std::exception&) {
      Worker::Connection& c = *worker.connection_;
      std::string broken;
      {
        const std::lock_guard lock(c.mutex);
        broken = c.asynchronous_error;
      }
      if (broken.empty() && !c.liveness->failed()) return error;
      return std::make_exception_ptr(PeerError("worker " + std::to_string(worker.rank()) +
                                               ": an overlapped average failed: " + worker.why_peers_failed(broken)));
    } catch (...) {
      return error;
    }
  }

  void remember(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (!first_) first_ = std::move(error);
  }

  const WorkerOptions& options_;
  const std::shared_ptr<Liveness> liveness_;
  std::mutex mutex_;
  std::exception_ptr first_;
};

namespace {

void run_alone(const WorkerOptions& options, int rank, const std::function<void(Worker&)>& work) {
  WorkerRun run(options, nullptr);
  const auto worker = run.make_worker(rank, 1);
  work(*worker);
}

void run_threads(const WorkerOptions& options, const std::function<void(Worker&)>& work) {
  const int count = options.count;
  const auto liveness = std::make_shared<Liveness>(LivenessOptions{
      .hosts = std::vector<std::string>(count, host_name()),
      .first_local = 0,
      .local = count,
      .timeout_seconds = options.timeout_seconds,
  });
  WorkerRun run(options, liveness);
  auto store = c10::make_intrusive<c10d::HashStore>();
  const GlooDevice device = make_gloo_device("127.0.0.1", {});
  // The groups of workers that succeed are closed here, after all have left their last collective: closing the
  // connections earlier could cost a slower peer its last message.
  std::vector<std::unique_ptr<Worker>> workers;
  for (int rank = 0; rank < count; ++rank) workers.push_back(run.make_worker(rank, count));
  liveness->end_process_if_stuck([&] {
    for (const auto& worker : workers) run.write_flight_record(*worker);
  });

  // Nobody starts before all are connected: a failure finds every peer in its work, not half-way into the group.
  std::latch connected(count);
  const auto run_worker = [&](Worker& worker) {
    set_up_thread(options, worker.rank(), count);
    Pulse& pulse = liveness->pulse(worker.rank());
    const auto unpublished = [](const Failure&) {};
    const bool joined = run.guarded(
        worker, [&](Worker& self) { run.connect(self, store, device, pulse); }, unpublished);
    connected.arrive_and_wait();
    if (joined)
      run.guarded(
          worker, [&](Worker& self) { run.work_or_restart(self, work); }, unpublished);
    pulse.done = true;
  };
  std::vector<std::thread> threads;
  for (const auto& worker : workers) threads.emplace_back(run_worker, std::ref(*worker));
  for (std::thread& thread : threads) thread.join();
  workers.clear();
  run.rethrow();
}

/// Waits until all ranks have written a key, for at most so long.
void wait_for_all(c10d::Store& store, int count, const std::function<std::string(int)>& key, double seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::vector<std::string> keys;
  for (int rank = 0; rank < count; ++rank) keys.push_back(key(rank));
  while (!store.check(keys) && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

void run_process(const WorkerOptions& options, const LaunchEnvironment& place,
                 const std::function<void(Worker&)>& work) {
  const bool serving = place.rank == 0 && !place.store_is_served;
  ServedStore served;
  if (serving) served = serve_store(place.address, place.port);
  const StorePointer store = connect_store(place, options.rendezvous_seconds);
  const StorePointer served_keys = serving ? keys_of_attempt(served.store, place.attempt) : nullptr;
  std::vector<std::string> hosts;
  try {
    hosts = meet(store, place, options.rendezvous_seconds);
  } catch (const std::exception& error) {
    const bool known = dynamic_cast<const Error*>(&error) != nullptr;
    if (known) note_departure(*store);
    // The store may live here: the others still read from it why they end.
    if (serving) wait_for_departures(*served_keys, 1.0);
    if (known) throw;
    throw PeerError("rank " + std::to_string(place.rank) + ": the store at " + place.address + ":" +
                    std::to_string(place.port) + " broke the connection before all had come (" +
                    first_line(error.what()) + ")");
  }
  const std::string where = "the store at " + place.address + ":" + std::to_string(place.port) + ", which " +
                            (place.store_is_served ? "the launcher" : "rank 0 on host " + hosts[0]) + " serves,";
  const auto liveness = std::make_shared<Liveness>(LivenessOptions{.hosts = hosts,
                                                                   .first_local = place.rank,
                                                                   .local = 1,
                                                                   .timeout_seconds = options.timeout_seconds,
                                                                   .source = where,
                                                                   .source_rank = place.store_is_served ? -1 : 0});
  const auto exchange =
      std::make_shared<PulseExchange>(connect_store(place, options.rendezvous_seconds), place.rank, liveness);
  exchange->start();
  set_up_thread(options, place.local_rank, place.local_world_size);

  WorkerRun run(options, liveness);
  const auto worker = run.make_worker(place.rank, place.world_size);
  liveness->end_process_if_stuck([&] { run.write_flight_record(*worker); });
  Pulse& pulse = liveness->pulse(0);
  const bool good = run.guarded(
      *worker,
      [&](Worker& self) {
        run.connect(self, store, make_gloo_device(options.interface, place), pulse);
        run.work_or_restart(self, work);
        self.barrier();
        // Whoever closed its connections now could cost a slower peer the barrier's last message.
        store->set("through/" + std::to_string(place.rank), "");
        wait_for_all(
            *store, place.world_size, [](int rank) { return "through/" + std::to_string(rank); }, 5.0);
      },
      [&](const Failure& failure) { exchange->publish(failure); });
  pulse.done = true;
  run.disconnect(*worker);
  exchange->leave();
  if (serving) {
    // The store lives here: the others still read from it why they end. A lost one never says that it has.
    try {
      wait_for_departures(*served_keys, good ? 5.0 : 0.5);
    } catch (const std::exception&) {
      // Its own store, of all things: nothing is left to tell anyone.
    }
  }
  run.rethrow();
}

}  // namespace

void run_workers(const WorkerOptions& options, const std::function<void(Worker&)>& work) {
  run_workers(options, std::nullopt, work);
}

void run_workers(const WorkerOptions& options, const std::optional<LaunchEnvironment>& place,
                 const std::function<void(Worker&)>& work) {
  const int count = place ? place->world_size : options.count;
  turn_off_flight_recorder();
  const ThreadSettings inherited;
  if (count == 1) {
    set_up_thread(options, 0, 1);
    run_alone(options, 0, work);
  } else if (place) {
    run_process(options, *place, work);
  } else {
    run_threads(options, work);
  }
}

}  // namespace quasar
