#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/ivalue.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include "core/errors.h"
#include "core/fault_plan.h"
#include "distributed/engine/worker_connection.h"
#ifdef QUASAR_HAVE_NCCL
#include "distributed/engine/nccl_group.h"
#endif

namespace quasar {
namespace {

using Clock = std::chrono::steady_clock;
using FuturePointer = c10::intrusive_ptr<c10::ivalue::Future>;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

const char* name_of(Purpose purpose) { return purpose == Purpose::training ? "training" : "measurement"; }

/// The kinds of collectives, by whose place here the workers compare them.
constexpr const char* kKinds[] = {"average",   "sum",     "maximum",         "gather",
                                  "broadcast", "barrier", "average in node", "average across nodes"};
std::int64_t index_of(const char* kind) {
  std::int64_t index = 0;
  while (index < std::ssize(kKinds) && std::string_view(kKinds[index]) != kind) ++index;
  return index;
}

/// Into the rows of `all`, whose shape is that of `mine` behind the number of workers.
c10::intrusive_ptr<c10d::Work> start_gather(c10d::Backend& backend, const at::Tensor& all, const at::Tensor& mine) {
  std::vector<std::vector<at::Tensor>> rows{all.unbind(0)};
  std::vector<at::Tensor> inputs{mine};
  return backend.allgather(rows, inputs);
}

/// Waits until the collective has ended or somebody failed. Sleeping on a future's callback costs nothing against Work's
/// own wait, which nobody can interrupt.
bool ended_before_failure(c10d::Work& work, bool on_gpu, const std::shared_ptr<WakeUp>& wake_up, Liveness& liveness,
                          std::vector<FuturePointer>& abandoned) {
  if (on_gpu) {
    // NCCL's futures are complete as soon as the kernel is enqueued.
    std::unique_lock lock(wake_up->mutex);
    while (!work.isCompleted()) {
      if (liveness.failed()) return false;
      wake_up->changed.wait_for(lock, std::chrono::microseconds(200));
    }
    return true;
  }
  const FuturePointer future = work.getFuture();
  future->addCallback([wake_up](c10::ivalue::Future&) { wake_up->notify(); });
  std::unique_lock lock(wake_up->mutex);
  wake_up->changed.wait(lock, [&] { return future->completed() || liveness.failed(); });
  if (future->completed()) return true;
  abandoned.push_back(future);
  return false;
}

}  // namespace

const std::string& Worker::host() const {
  static const std::string here = "localhost";
  return connection_ ? connection_->host : here;
}

void Worker::beat(std::int64_t step) {
  if (!connection_) return;
  connection_->pulse->step.store(step, std::memory_order_relaxed);
  throw_if_peer_failed();
}

void Worker::throw_if_peer_failed() const {
  if (!connection_) return;
  connection_->pulse->beats.fetch_add(1, std::memory_order_relaxed);
  if (connection_->liveness->failed())
    throw PeerError("worker " + std::to_string(rank_) + ": " + why_peers_failed("") +
                    "; the last collective begun here was " + std::to_string(connection_->pulse->collectives));
}

void Worker::check_fingerprints(Group& group, const char* kind, const at::Tensor& tensor, Purpose purpose) {
  Connection& c = *connection_;
  at::Tensor mine = at::empty({6}, at::kLong), all = at::empty({group.count, 6}, at::kLong);
  std::int64_t* print = mine.data_ptr<std::int64_t>();
  print[0] = index_of(kind);
  print[1] = static_cast<std::int64_t>(tensor.scalar_type());
  print[2] = tensor.numel();
  print[3] = static_cast<std::int64_t>(purpose);
  print[4] = c.pulse->step.load(std::memory_order_relaxed);
  print[5] = c.pulse->collectives.load(std::memory_order_relaxed);
  const auto work = start_gather(*group.gloo, all, mine);
  if (!ended_before_failure(*work, false, c.wake_up, *c.liveness, c.abandoned)) throw PeerError(why_peers_failed(""));
  work->wait();
  if (&group == &c.all)
    for (int rank = 0; rank < group.count; ++rank) {
      const std::int64_t* print_of = all.data_ptr<std::int64_t>() + rank * 6;
      c.liveness->met(rank, print_of[4], print_of[5], kKinds[print_of[0]]);
    }
  if (all.eq(mine).all().item<bool>()) return;
  std::string message = "collectives mismatch:";
  for (int rank = 0; rank < group.count; ++rank) {
    const std::int64_t* other = all.data_ptr<std::int64_t>() + rank * 6;
    message += (rank == 0 ? " rank " : "; rank ") + std::to_string(rank) + ": " + kKinds[other[0]] + " #" +
               std::to_string(other[5]) + " of " + std::to_string(other[2]) + " " +
               c10::toString(static_cast<at::ScalarType>(other[1])) + " for " +
               name_of(static_cast<Purpose>(other[3])) + " at step " + std::to_string(other[4]);
  }
  if (&group != &c.all) message += " (ranks within " + group.name + ")";
  // Everybody has seen the same and says the same.
  c.liveness->fail({-1, message});
  throw PeerError(message);
}

template <class Start>
void Worker::run_collective(Group& group, const char* kind, const at::Tensor& tensor, Purpose purpose, SplitWait split,
                            const Start& start) {
  Connection& c = *connection_;
  const auto begin = Clock::now();
  throw_if_peer_failed();
  const std::int64_t number = c.pulse->collectives.fetch_add(1, std::memory_order_relaxed) + 1;
  c.pulse->collective.store(kind, std::memory_order_relaxed);
  const std::size_t flight = c.flights.begin(
      {number, kind, c10::toString(tensor.scalar_type()), tensor.numel(), name_of(purpose), c.pulse->step});
  const auto fail = [&](const std::string& why) {
    throw PeerError("worker " + std::to_string(rank_) + ": " + kind + " " + std::to_string(number) + " (of " +
                    std::to_string(tensor.numel()) + " numbers) failed: " + why);
  };
  Account& account = purpose == Purpose::training ? training_ : measurement_;
  try {
    const Waiting waiting(*c.pulse);
    if (c.options.check_collectives) {
      check_fingerprints(group, kind, tensor, purpose);
    } else if (split == SplitWait::yes) {
      const auto barrier = group.gloo->barrier();
      if (!ended_before_failure(*barrier, false, c.wake_up, *c.liveness, c.abandoned)) fail(why_peers_failed(""));
      barrier->wait();
    }
    if (c.options.check_collectives || split == SplitWait::yes) account.wait_seconds += seconds_since(begin);
    c10d::Backend* backend = group.gloo.get();
    const bool on_gpu = tensor.is_cuda();
    if (on_gpu) {
#ifdef QUASAR_HAVE_NCCL
      if (!group.nccl)
        group.nccl = make_nccl_group(c10::make_intrusive<c10d::PrefixStore>("nccl " + group.name, c.store), group.rank,
                                     group.count, std::chrono::hours(24));
      backend = group.nccl.get();
#else
      throw ConfigError("a tensor on a GPU needs a build with NCCL (QUASAR_NCCL)");
#endif
    }
    c10::intrusive_ptr<c10d::Work> work;
    try {
      work = start(*backend);
    } catch (const std::exception& error) {
      fail(first_line(error.what()));  // of the arguments: no peer is in it yet
    }
    if (!ended_before_failure(*work, on_gpu, c.wake_up, *c.liveness, c.abandoned)) fail(why_peers_failed(""));
    work->wait();
  } catch (const PeerError& error) {
    const std::string what = error.what();
    if (what.starts_with("worker ")) throw;
    fail(what);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    fail(why_peers_failed(first_line(error.what())));
  }
  c.flights.end(flight);
  ++account.collectives;
  account.bytes += static_cast<std::int64_t>(tensor.nbytes());
  account.seconds += seconds_since(begin);
}

void Worker::average_in(Group& group, const char* kind, at::Tensor& tensor, Purpose purpose, SplitWait split) {
  if (group.count == 1) return;
  at::Tensor exchanged = tensor;
  if (purpose == Purpose::training)
    switch (fault_at(FaultSite::in_average, rank_, connection_->pulse->step).value_or(FaultKind::kill)) {
      case FaultKind::desync:
        exchanged = at::cat({tensor.flatten(), tensor.flatten().slice(0, 0, 1)});
        break;
      case FaultKind::desync_type:
        exchanged = tensor.to(at::kInt);
        break;
      case FaultKind::desync_kind:
        return broadcast(tensor, purpose);
      case FaultKind::desync_order:
        barrier();
        break;
      default:
        break;
    }
  std::vector<at::Tensor> tensors{exchanged};
  run_collective(group, kind, exchanged, purpose, split,
                 [&](c10d::Backend& backend) { return backend.allreduce(tensors); });
  tensor.div_(group.count);
}

void Worker::average(at::Tensor& tensor, Purpose purpose, SplitWait split) {
  if (connection_) average_in(connection_->all, "average", tensor, purpose, split);
}

void Worker::average_in_node(at::Tensor& tensor, Purpose purpose, SplitWait split) {
  if (connection_) average_in(connection_->in_node, "average in node", tensor, purpose, split);
}

void Worker::average_across_nodes(at::Tensor& tensor, Purpose purpose, SplitWait split) {
  if (connection_) average_in(connection_->across_nodes, "average across nodes", tensor, purpose, split);
}

void Worker::sum(at::Tensor& tensor, Purpose purpose) {
  if (!connection_) return;
  std::vector<at::Tensor> tensors{tensor};
  run_collective(connection_->all, "sum", tensor, purpose, SplitWait::no,
                 [&](c10d::Backend& backend) { return backend.allreduce(tensors); });
}

void Worker::maximum(at::Tensor& tensor, Purpose purpose) {
  if (!connection_) return;
  std::vector<at::Tensor> tensors{tensor};
  c10d::AllreduceOptions options;
  options.reduceOp = c10d::ReduceOp::MAX;
  run_collective(connection_->all, "maximum", tensor, purpose, SplitWait::no,
                 [&](c10d::Backend& backend) { return backend.allreduce(tensors, options); });
}

at::Tensor Worker::gather(const at::Tensor& tensor, Purpose purpose) {
  if (!connection_) return tensor.clone().unsqueeze(0);
  std::vector<std::int64_t> shape = tensor.sizes().vec();
  shape.insert(shape.begin(), count_);
  at::Tensor mine = tensor.contiguous(), all = at::empty(shape, tensor.options());
  run_collective(connection_->all, "gather", mine, purpose, SplitWait::no,
                 [&](c10d::Backend& backend) { return start_gather(backend, all, mine); });
  return all;
}

void Worker::broadcast(at::Tensor& tensor, Purpose purpose) {
  if (!connection_) return;
  std::vector<at::Tensor> tensors{tensor};
  run_collective(connection_->all, "broadcast", tensor, purpose, SplitWait::no,
                 [&](c10d::Backend& backend) { return backend.broadcast(tensors); });
}

void Worker::barrier() {
  if (!connection_) return;
  run_collective(connection_->all, "barrier", at::empty({0}), Purpose::measurement, SplitWait::no,
                 [](c10d::Backend& backend) { return backend.barrier(); });
}

}  // namespace quasar
