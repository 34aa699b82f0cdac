#include "distributed/engine/worker_connection.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <ATen/ATen.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <nlohmann/json.hpp>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include "core/errors.h"
#ifdef QUASAR_HAVE_NCCL
#include "distributed/engine/nccl_group.h"
#endif

namespace quasar {

using FuturePointer = c10::intrusive_ptr<c10::ivalue::Future>;

void Worker::Connection::open(Group& group, const std::string& name, int rank, int count) {
  group.name = name;
  group.rank = rank;
  group.count = count;
  if (count > 1) group.gloo = make_gloo_group(store, name, device, rank, count, options.rendezvous_seconds);
}

void Worker::Connection::fail_promises() {
  std::map<std::int64_t, FuturePointer> taken;
  {
    const std::lock_guard lock(mutex);
    taken.swap(promised);
  }
  for (const auto& [id, promise] : taken)
    promise->setError(std::make_exception_ptr(PeerError("a peer failed: " + liveness->failure().message)));
}

Worker::Worker(int rank, int count) : rank_(rank), count_(count) {}
Worker::~Worker() { disconnect(); }

void Worker::connect(std::shared_ptr<Connection> connection) {
  connection_ = std::move(connection);
  Connection& c = *connection_;
  // The listener may run in any thread, also while this worker goes away: it owns what it touches.
  c.listener = c.liveness->add_listener([weak = std::weak_ptr<Connection>(connection_)] {
    if (const auto alive = weak.lock()) {
      alive->wake_up->notify();
      alive->fail_promises();
    }
  });
  const Waiting waiting(*c.pulse);
  c.open(c.all, "work", rank_, count_);
  const int n = c.options.node_size;
  if (n <= 1) return;
  if (count_ % n != 0)
    throw ConfigError("workers.node_size=" + std::to_string(n) + " must divide the number of workers, " +
                      std::to_string(count_));
  c.open(c.in_node, "node " + std::to_string(rank_ / n), rank_ % n, n);
  c.open(c.across_nodes, "place " + std::to_string(rank_ % n), rank_ / n, count_ / n);
}

void Worker::disconnect() {
  if (!connection_) return;
  Connection& c = *connection_;
  c.liveness->remove_listener(c.listener);
  // A peer's closing ends most stuck collectives; what is still stuck then cannot be closed, only left.
  const auto all_ended = [&] {
    for (const auto& future : c.abandoned)
      if (!future->completed()) return false;
    const std::lock_guard lock(c.mutex);
    return c.running.empty();
  };
  std::unique_lock lock(c.wake_up->mutex);
  const bool closable = c.wake_up->changed.wait_for(lock, std::chrono::milliseconds(100), all_ended);
  lock.unlock();
  for (Group* group : {&c.all, &c.in_node, &c.across_nodes, &c.asynchronous}) {
    if (group->nccl) group->nccl->abort();
    if (!closable) group->gloo.release();
    group->gloo.reset();
    group->nccl.reset();
  }
  // Closing joins Gloo's threads, and one of them may still be in the callback that lets go of the connection last.
  if (!closable) c.process_group.release();
  c.process_group.reset();
  connection_.reset();
}

std::string Worker::why_peers_failed(const std::string& otherwise) const {
  const Liveness& liveness = *connection_->liveness;
  const Waiting waiting(*connection_->pulse);
  // A connection that broke says not why: the peer's message, or its silence, comes by the store.
  if (!liveness.wait_for_failure(liveness.timeout_seconds() + 1.0)) return otherwise;
  const Failure failure = liveness.failure();
  if (failure.rank < 0) return failure.message;
  return "peer " + std::to_string(failure.rank) + " failed: " + failure.message;
}

c10::intrusive_ptr<c10d::Store> Worker::keys(const std::string& name) const {
  if (!connection_) return c10::make_intrusive<c10d::HashStore>();
  return c10::make_intrusive<c10d::PrefixStore>(name, connection_->store);
}

c10::intrusive_ptr<c10d::ProcessGroup> Worker::process_group() {
  if (!connection_) return {};
  Connection& c = *connection_;
  if (c.process_group) return c.process_group;
  const Waiting waiting(*c.pulse);
  c.open(c.asynchronous, "asynchronous", rank_, count_);
  auto group = c10::make_intrusive<c10d::ProcessGroup>(c.store, rank_, count_);
  group->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::BackendType::GLOO, c.asynchronous.gloo);
#ifdef QUASAR_HAVE_NCCL
  c.asynchronous.nccl = make_nccl_group(c10::make_intrusive<c10d::PrefixStore>("nccl asynchronous", c.store), rank_,
                                        count_, std::chrono::hours(24));
  group->setBackend(c10::DeviceType::CUDA, c10d::ProcessGroup::BackendType::NCCL, c.asynchronous.nccl);
#endif
  c.process_group = group;
  return group;
}

FuturePointer Worker::start_average(at::Tensor tensor) {
  Connection& c = *connection_;
  throw_if_peer_failed();
  const std::int64_t number = c.pulse->collectives.fetch_add(1, std::memory_order_relaxed) + 1;
  c.pulse->collective.store("overlapped average", std::memory_order_relaxed);
  const std::size_t flight = c.flights.begin(
      {number, "overlapped average", c10::toString(tensor.scalar_type()), tensor.numel(), "training", c.pulse->step});
  ++training_.collectives;
  training_.bytes += static_cast<std::int64_t>(tensor.nbytes());

  process_group();
  std::vector<at::Tensor> tensors{tensor};
  if (tensor.is_cuda()) {
    // NCCL's future is complete at once and orders streams; a lost peer is NCCL's own watchdog's business.
    tensor.div_(count_);
    return c.asynchronous.nccl->allreduce(tensors)->getFuture();
  }
  const FuturePointer promise = c10::make_intrusive<c10::ivalue::Future>(c10::ListType::ofTensors());
  const auto future = c.asynchronous.gloo->allreduce(tensors)->getFuture();
  const std::int64_t id = number;
  {
    const std::lock_guard lock(c.mutex);
    c.promised[id] = promise;
    c.running[id] = future;
    // From here on backward may wait for a peer.
    c.pulse->waiting = true;
  }
  future->addCallback(
      [connection = connection_, promise, tensor, id, flight, count = count_](c10::ivalue::Future& done) mutable {
        Connection& own = *connection;
        if (!done.hasError()) {
          tensor.div_(count);
          own.flights.end(flight);
        }
        bool ours = false;
        {
          const std::lock_guard lock(own.mutex);
          own.running.erase(id);
          // Who takes the promise out keeps it: here, or whoever noticed a failure first.
          ours = own.promised.erase(id) > 0;
          if (own.running.empty()) own.pulse->waiting = false;
          if (done.hasError() && own.asynchronous_error.empty())
            own.asynchronous_error = first_line(done.tryRetrieveErrorMessage());
        }
        own.pulse->beats.fetch_add(1, std::memory_order_relaxed);
        own.wake_up->notify();
        if (!ours) return;
        if (done.hasError())
          promise->setError(done.exception_ptr());
        else
          promise->markCompleted(std::vector<at::Tensor>{tensor});
      });
  if (c.liveness->failed()) c.fail_promises();
  return promise;
}

nlohmann::json Worker::flight_record() const {
  return {{"rank", rank_},
          {"host", host()},
          {"collectives", connection_ ? connection_->flights.to_json() : nlohmann::json::array()}};
}

void Worker::write_flight_record() const {
  if (!connection_ || connection_->options.flight_folder.empty()) return;
  char name[32];
  std::snprintf(name, sizeof(name), "flight-rank-%03d.json", rank_);
  // In the middle of a failure a second one, such as a full disk, must not hide the first.
  std::ofstream(std::filesystem::path(connection_->options.flight_folder) / name) << flight_record().dump(1) << '\n';
}

}  // namespace quasar
