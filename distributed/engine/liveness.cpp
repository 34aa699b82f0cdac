#include "distributed/engine/liveness.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "core/errors.h"

namespace quasar {
namespace {

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string rounded(double seconds) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", seconds);
  return text;
}

}  // namespace

Liveness::Liveness(LivenessOptions options)
    : options_(std::move(options)),
      pulses_(options_.local),
      sightings_(options_.hosts.size()),
      beats_seen_(options_.local, 0),
      last_tick_(options_.hosts.size(), Clock::now()) {
  last_progress_ = last_heard_ = last_look_ = Clock::now();
  watchdog_ = std::thread([this] {
    // Signals are for the workers' threads.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    watch();
  });
}

Liveness::~Liveness() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  watchdog_.join();
}

bool Liveness::is_local(int rank) const {
  return rank >= options_.first_local && rank < options_.first_local + options_.local;
}

bool Liveness::fail(Failure failure) {
  std::map<int, std::function<void()>> listeners;
  {
    const std::lock_guard lock(mutex_);
    if (failed_) return false;
    failure_ = std::move(failure);
    failed_at_ = Clock::now();
    failed_.store(true, std::memory_order_release);
    listeners = listeners_;
  }
  changed_.notify_all();
  for (const auto& [id, listener] : listeners) listener();
  return true;
}

Failure Liveness::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

bool Liveness::wait_for_failure(double seconds) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return failed_.load(); });
}

int Liveness::add_listener(std::function<void()> listener) {
  std::unique_lock lock(mutex_);
  const int id = next_listener_++;
  listeners_[id] = listener;
  lock.unlock();
  if (failed()) listener();
  return id;
}

void Liveness::remove_listener(int id) {
  const std::lock_guard lock(mutex_);
  listeners_.erase(id);
}

Sighting Liveness::look_at(int rank) {
  const std::lock_guard lock(mutex_);
  return refresh(rank);
}

const Sighting& Liveness::refresh(int rank) {
  const int local = rank - options_.first_local;
  const Pulse& pulse = pulses_[local];
  Sighting& seen = sightings_[rank];
  const std::int64_t beats = pulse.beats.load(std::memory_order_relaxed);
  seen.waiting = pulse.waiting;
  seen.done = pulse.done;
  // Nobody beats while still loading data: the first beat starts the clock.
  if (beats != beats_seen_[local] || beats == 0 || seen.waiting || seen.done) ++seen.ticks;
  beats_seen_[local] = beats;
  seen.step = pulse.step.load(std::memory_order_relaxed);
  seen.collectives = pulse.collectives.load(std::memory_order_relaxed);
  seen.collective = pulse.collective.load(std::memory_order_relaxed);
  return seen;
}

void Liveness::see(int rank, const Sighting& sighting) {
  const std::lock_guard lock(mutex_);
  Sighting& seen = sightings_[rank];
  if (sighting.ticks != seen.ticks) last_tick_[rank] = Clock::now();
  // A pulse may be older than the last collective.
  const Sighting before = seen;
  seen = sighting;
  if (before.collectives <= sighting.collectives) return;
  seen.step = before.step;
  seen.collectives = before.collectives;
  seen.collective = before.collective;
}

void Liveness::met(int rank, std::int64_t step, std::int64_t collectives, const char* collective) {
  const std::lock_guard lock(mutex_);
  Sighting& seen = sightings_[rank];
  seen.step = step;
  seen.collectives = collectives;
  seen.collective = collective;
}

void Liveness::source_broke(const std::string& why) {
  std::unique_lock lock(mutex_);
  Failure failure = loss_of_source("broke the connection (" + why + ")");
  lock.unlock();
  fail(std::move(failure));
}

std::string Liveness::last_seen(int rank) const {
  const std::lock_guard lock(mutex_);
  return last_seen_locked(rank);
}

void Liveness::heard() {
  const std::lock_guard lock(mutex_);
  last_heard_ = Clock::now();
}

void Liveness::end_process_if_stuck(std::function<void()> before) {
  const std::lock_guard lock(mutex_);
  before_exit_ = std::move(before);
}

std::string Liveness::last_seen_locked(int rank) const {
  const Sighting& seen = sightings_[rank];
  return "its last step was " + std::to_string(seen.step) + ", its last collective " +
         std::to_string(seen.collectives) + " (" + seen.collective + " #" + std::to_string(seen.collectives) + ")";
}

Failure Liveness::loss_of_source(const std::string& how) const {
  const int rank = options_.source_rank;
  return {rank, options_.source + " " + how + (rank < 0 ? "" : "; " + last_seen_locked(rank))};
}

void Liveness::look_around(Clock::time_point now) {
  const double timeout = options_.timeout_seconds;
  const bool alone = options_.source.empty();
  std::unique_lock lock(mutex_);
  for (int rank = options_.first_local; rank < options_.first_local + options_.local; ++rank) {
    const std::int64_t before = sightings_[rank].ticks;
    if (refresh(rank).ticks != before) last_tick_[rank] = now;
  }
  // After a stop of this very process all others look silent: ask again before judging.
  if (seconds_between(last_look_, now) > std::max(0.5, timeout / 2)) {
    std::fill(last_tick_.begin(), last_tick_.end(), now);
    last_progress_ = last_heard_ = now;
  }
  last_look_ = now;

  Failure found;
  std::int64_t collectives = 0;
  bool all_wait = true;
  const int count = static_cast<int>(sightings_.size());
  for (int rank = 0; rank < count; ++rank) {
    const Sighting& seen = sightings_[rank];
    collectives += seen.collectives;
    all_wait = all_wait && (seen.waiting || seen.done);
    // Of its own stall a process is told by the others.
    const double silent = seconds_between(last_tick_[rank], now);
    if (found.message.empty() && !seen.done && silent > timeout && (alone || !is_local(rank)))
      found = {rank, "rank " + std::to_string(rank) + " on host " + options_.hosts[rank] + " has been silent for " +
                         rounded(silent) + " s; " + last_seen_locked(rank)};
  }
  if (collectives != collectives_seen_ || !all_wait) last_progress_ = now;
  collectives_seen_ = collectives;
  if (const double quiet = seconds_between(last_heard_, now); !alone && quiet > timeout)
    found = loss_of_source("has not answered for " + rounded(quiet) + " s");
  if (const double stuck = seconds_between(last_progress_, now); found.message.empty() && stuck > timeout) {
    found.message = "all workers have waited for each other for " + rounded(stuck) + " s:";
    for (int rank = 0; rank < count; ++rank)
      found.message += " rank " + std::to_string(rank) + " in " + sightings_[rank].collective + " #" +
                       std::to_string(sightings_[rank].collectives) + " of step " +
                       std::to_string(sightings_[rank].step) + ";";
  }
  lock.unlock();
  if (!found.message.empty()) fail(std::move(found));
}

void Liveness::watch() {
  const auto pause = std::chrono::duration<double>(std::min(0.1, options_.timeout_seconds / 20));
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, pause, [this] { return stop_; });
      if (stop_) return;
    }
    if (!failed()) {
      look_around(Clock::now());
      continue;
    }
    std::unique_lock lock(mutex_);
    const bool all_done = std::all_of(pulses_.begin(), pulses_.end(), [](const Pulse& p) { return p.done.load(); });
    // A worker of ours that was found silent will not come back; the others get time to tidy up.
    const bool culprit_here = is_local(failure_.rank);
    const double grace = culprit_here ? 1.0 : std::max(1.0, options_.timeout_seconds);
    if (all_done || !before_exit_ || seconds_between(failed_at_, Clock::now()) < grace) continue;
    const auto before_exit = before_exit_;
    const std::string message = failure_.message;
    lock.unlock();
    before_exit();
    std::fprintf(stderr, "quasar: error: %s; a worker of this process did not notice within %.1f s, ending it\n",
                 message.c_str(), grace);
    std::fflush(nullptr);
    ::_exit(static_cast<int>(ExitCode::peer));
  }
}

}  // namespace quasar
