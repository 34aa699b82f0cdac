#include "distributed/engine/pulse_exchange.h"

#include <algorithm>
#include <chrono>
#include <csignal>

namespace quasar {

PulseExchange::PulseExchange(StorePointer store, int rank, std::shared_ptr<Liveness> liveness)
    : store_(std::move(store)), rank_(rank), liveness_(std::move(liveness)) {}

void PulseExchange::start() {
  // The thread keeps what it uses: with a frozen store it outlives its owner.
  thread_ = std::thread([self = shared_from_this()] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    self->run();
  });
}

void PulseExchange::publish(const Failure& failure) {
  std::unique_lock lock(mutex_);
  to_publish_ = failure;
  changed_.notify_all();
  changed_.wait_for(lock, std::chrono::seconds(1), [this] { return published_ || ended_; });
}

void PulseExchange::leave() {
  std::unique_lock lock(mutex_);
  stop_ = true;
  changed_.notify_all();
  // A frozen store answers nobody; the process need not wait for it.
  const bool ended = changed_.wait_for(lock, std::chrono::milliseconds(300), [this] { return ended_; });
  lock.unlock();
  if (!thread_.joinable()) return;
  if (ended)
    thread_.join();
  else
    thread_.detach();
}

void PulseExchange::exchange() {
  std::optional<Failure> to_publish;
  {
    const std::lock_guard lock(mutex_);
    to_publish = to_publish_;
  }
  if (to_publish) note_failure(*store_, *to_publish);
  store_->set(pulse_key(rank_), to_text(liveness_->look_at(rank_)));
  const int count = static_cast<int>(liveness_->hosts().size());
  std::vector<std::string> keys{kFailureKey};
  for (int rank = 0; rank < count; ++rank) keys.push_back(pulse_key(rank));
  for (int rank = 0; rank < count; ++rank) keys.push_back(exit_key(rank));
  const auto values = store_->multiGet(keys);
  const auto text = [&](int i) { return std::string(values[i].begin(), values[i].end()); };
  liveness_->heard();
  if (Failure failure = failure_from(text(0)); !failure.message.empty()) liveness_->fail(std::move(failure));
  for (int rank = 0; rank < count; ++rank) {
    if (rank == rank_) continue;
    const Sighting sighting = sighting_from(text(1 + rank));
    liveness_->see(rank, sighting);
    if (const std::string how = text(1 + count + rank); !how.empty() && !sighting.done)
      liveness_->fail({rank, "rank " + std::to_string(rank) + " on host " + liveness_->hosts()[rank] + " " + how +
                                 " before the run was over; " + liveness_->last_seen(rank)});
  }
  // What this process found out the others should call by the same name, and the launcher too.
  if (liveness_->failed()) note_failure(*store_, liveness_->failure());
  const std::lock_guard lock(mutex_);
  if (to_publish) published_ = true;
  changed_.notify_all();
}

void PulseExchange::run() {
  const auto pause = std::chrono::duration<double>(std::min(0.25, liveness_->timeout_seconds() / 10));
  try {
    for (bool last = false; !last;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, pause, [this] { return stop_ || (to_publish_ && !published_); });
        last = stop_;
      }
      exchange();
    }
    note_departure(*store_);
  } catch (const std::exception& error) {
    const std::string what = error.what();
    liveness_->source_broke(what.substr(0, what.find('\n')));
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

}  // namespace quasar
