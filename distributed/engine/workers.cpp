#include "distributed/engine/workers.h"

#include <sched.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <latch>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <ATen/Parallel.h>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupWrapper.hpp>

#include "core/errors.h"

namespace quasar {
namespace {

using c10d::ProcessGroupGloo;
using GlooDevice = std::shared_ptr<gloo::transport::Device>;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// The first exception of any worker.
class FirstFailure {
 public:
  void remember(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (!first_) first_ = std::move(error);
    happened_ = true;
  }
  const std::atomic<bool>& happened() const { return happened_; }
  void rethrow() const {
    if (first_) std::rethrow_exception(first_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr first_;
  std::atomic<bool> happened_ = false;
};

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
  }
  ~ThreadSettings() {
    sched_setscheduler(0, policy_, &parameter_);
    pthread_sigmask(SIG_SETMASK, &signals_, nullptr);
  }
  ThreadSettings(const ThreadSettings&) = delete;
  ThreadSettings& operator=(const ThreadSettings&) = delete;

 private:
  sigset_t signals_;
  int policy_;
  sched_param parameter_;
};

c10::intrusive_ptr<c10d::Backend> make_gloo(const c10::intrusive_ptr<c10d::Store>& store, const std::string& name,
                                            const GlooDevice& device, int rank, const WorkerOptions& options) {
  const auto timeout = std::chrono::milliseconds(static_cast<std::int64_t>(options.timeout_seconds * 1e3));
  auto gloo_options = ProcessGroupGloo::Options::create(timeout);
  // One device, that is one polling thread, for all workers: with a device each, an average takes five times as long.
  gloo_options->devices = {device};
  gloo_options->threads = 1;
  return c10::make_intrusive<ProcessGroupGloo>(c10::make_intrusive<c10d::PrefixStore>(name, store), rank, options.count,
                                               gloo_options);
}

}  // namespace

struct Worker::Group {
  c10::intrusive_ptr<c10d::Backend> backend;
};

Worker::Worker(int rank, int count, const std::atomic<bool>& peer_failed)
    : rank_(rank), count_(count), peer_failed_(peer_failed) {}

Worker::~Worker() = default;

void Worker::average(at::Tensor& tensor, Purpose purpose) {
  if (!group_) return;
  const auto start = Clock::now();
  ++collectives_begun_;
  throw_if_peer_failed();
  try {
    std::vector<at::Tensor> tensors{tensor};
    group_->backend->allreduce(tensors)->wait();
  } catch (const std::exception& error) {
    throw PeerError("worker " + std::to_string(rank_) + ": average " + std::to_string(collectives_begun_) + " (of " +
                    std::to_string(tensor.numel()) + " numbers) failed: " + error.what());
  }
  tensor.div_(count_);
  Account& account = purpose == Purpose::training ? training_ : measurement_;
  ++account.collectives;
  account.bytes += static_cast<std::int64_t>(tensor.nbytes());
  account.seconds += seconds_since(start);
}

void Worker::barrier() {
  if (!group_) return;
  throw_if_peer_failed();
  try {
    group_->backend->barrier()->wait();
  } catch (const std::exception& error) {
    throw PeerError("worker " + std::to_string(rank_) + ": a barrier failed: " + error.what());
  }
}

void Worker::throw_if_peer_failed() const {
  if (peer_failed_.load(std::memory_order_relaxed))
    throw PeerError("worker " + std::to_string(rank_) + ": another worker failed; the last average begun here was " +
                    std::to_string(collectives_begun_));
}

void run_workers(const WorkerOptions& options, const std::function<void(Worker&)>& work) {
  turn_off_flight_recorder();
  const ThreadSettings inherited;
  FirstFailure failure;
  auto store = c10::make_intrusive<c10d::HashStore>();
  const GlooDevice device = options.count > 1 ? ProcessGroupGloo::createDeviceForHostname("127.0.0.1") : nullptr;
  // The groups of workers that succeed are destroyed here, after all have left their last collective: closing the
  // connections earlier could cost a slower peer its last message.
  std::vector<std::unique_ptr<Worker>> workers;
  for (int rank = 0; rank < options.count; ++rank)
    workers.push_back(std::unique_ptr<Worker>(new Worker(rank, options.count, failure.happened())));

  // Nobody starts before all are connected: a failure finds every peer in its work, not half-way into the group.
  std::latch connected(options.count);
  const auto connect = [&](Worker& worker) {
    auto backend = make_gloo(store, "work", device, worker.rank(), options);
    if (options.check_collectives)
      backend = c10::make_intrusive<c10d::ProcessGroupWrapper>(
          backend, make_gloo(store, "check", device, worker.rank(), options));
    worker.group_ = std::make_unique<Worker::Group>(std::move(backend));
  };
  const auto guarded = [&](Worker& worker, const auto& action) {
    try {
      action(worker);
    } catch (...) {
      failure.remember(std::current_exception());
      // Closes the connections, so that whoever waits for this worker fails too.
      worker.group_.reset();
    }
  };
  const auto run = [&](Worker& worker) {
    at::set_num_threads(1);
    if (options.count > 1) guarded(worker, connect);
    connected.arrive_and_wait();
    if (options.count == 1 || worker.group_) guarded(worker, work);
  };
  std::vector<std::thread> threads;
  for (auto& worker : workers) threads.emplace_back(run, std::ref(*worker));
  for (std::thread& thread : threads) thread.join();
  workers.clear();
  failure.rethrow();
}

}  // namespace quasar
