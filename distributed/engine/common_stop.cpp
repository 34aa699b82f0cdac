#include "distributed/engine/common_stop.h"

#include <chrono>
#include <limits>
#include <vector>

namespace quasar {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(100);
constexpr std::int64_t kAhead = 2;

std::string limit_key(int rank) { return "limit/" + std::to_string(rank); }
std::vector<std::uint8_t> bytes(const std::string& text) { return {text.begin(), text.end()}; }
std::string text(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

CommonStop::CommonStop(c10::intrusive_ptr<c10d::Store> store, int rank, int count, std::function<std::string()> wanted)
    : store_(std::move(store)), rank_(rank), count_(count), wanted_(std::move(wanted)), thread_([this] { watch(); }) {}

CommonStop::~CommonStop() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void CommonStop::request(const std::string& reason) { store_->set("request", bytes(reason)); }

std::string CommonStop::reason() { return text(store_->get("request")); }

void CommonStop::publish_limit() {
  // Sequentially consistent: a worker that has not seen the limit yet has not reached it either.
  do limit_ = step_ + kAhead;
  while (step_ >= limit_);
  store_->set(limit_key(rank_), bytes(std::to_string(limit_)));
}

bool CommonStop::find_target() {
  std::vector<std::string> keys;
  for (int rank = 0; rank < count_; ++rank) keys.push_back(limit_key(rank));
  if (!store_->check(keys)) return false;
  std::int64_t largest = 0;
  for (const std::string& key : keys) largest = std::max<std::int64_t>(largest, std::stoll(text(store_->get(key))));
  target_ = largest;
  return true;
}

void CommonStop::watch() {
  try {
    for (std::unique_lock lock(mutex_); !ending_; changed_.wait_for(lock, kPoll)) {
      lock.unlock();
      if (limit_ < 0) {
        if (const std::string reason = wanted_(); !reason.empty()) request(reason);
        if (store_->check({"request"})) publish_limit();
      }
      const bool found = limit_ >= 0 && (target_ >= 0 || find_target());
      lock.lock();
      if (!found) continue;
      changed_.notify_all();
      return;
    }
    // A worker that is done must not keep others waiting for its limit: they are about to be done too.
    if (limit_ < 0 && count_ > 1) store_->set(limit_key(rank_), bytes(std::to_string(std::numeric_limits<int>::max())));
  } catch (const std::exception&) {  // the store is gone, which the worker's own collectives and heartbeat report
  }
}

bool CommonStop::is_reached(std::int64_t step, const std::function<void()>& waiting) {
  step_ = step;
  if (limit_ < 0) return false;
  if (step >= limit_ && target_ < 0) {
    std::unique_lock lock(mutex_);
    while (target_ < 0) {
      changed_.wait_for(lock, kPoll);
      waiting();
    }
  }
  return target_ >= 0 && step >= target_;
}

}  // namespace quasar
