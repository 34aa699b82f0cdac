#include "core/fault_plan.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <thread>

#include "core/errors.h"

namespace quasar {
namespace {

constexpr std::array<std::string_view, 12> kSites = {
    "before_local_step", "after_local_step", "before_average", "in_average",  "after_average", "before_outer",
    "after_outer",       "ckpt_write",       "ckpt_fsync",     "ckpt_rename", "log_write",     "batch_read"};
constexpr std::array<std::string_view, 12> kKinds = {"kill",        "stop",        "exit",         "error",
                                                     "stall",       "nan",         "flip",         "desync",
                                                     "desync_type", "desync_kind", "desync_order", "enospc"};

struct Entry {
  std::string text;
  FaultKind kind = FaultKind::kill;
  std::optional<FaultSite> site;
  std::optional<std::int64_t> rank, step, seconds;
  std::int64_t code = 0;
  bool fired = false;
};

std::mutex mutex;
std::vector<Entry> plan;
std::once_flag environment_read;
// Unfired entries; -1 before the environment has been read, so that one load says whether there is anything to do.
std::atomic<std::int64_t> pending = -1;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(separator, start), text.size());
    parts.push_back(trimmed(text.substr(start, end - start)));
    start = end + 1;
  }
  return parts;
}

[[noreturn]] void refuse(std::string_view entry, const std::string& why) {
  throw ConfigError("QUASAR_FAULT: '" + std::string(entry) + "': " + why +
                    "; an entry looks like kill@rank=1,step=7,site=after_average");
}

template <std::size_t N>
std::size_t index_of(const std::array<std::string_view, N>& names, std::string_view name, std::string_view entry) {
  std::string known;
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return i;
    known += (i == 0 ? "" : ", ") + std::string(names[i]);
  }
  refuse(entry, "'" + std::string(name) + "' is none of " + known);
}

std::int64_t number(std::string_view value, std::string_view entry) {
  std::int64_t result = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
  if (error != std::errc{} || end != value.data() + value.size() || result < 0)
    refuse(entry, "'" + std::string(value) + "' is not a number >= 0");
  return result;
}

std::optional<FaultSite> usual_site(FaultKind kind) {
  switch (kind) {
    case FaultKind::nan:
      return FaultSite::after_local_step;
    case FaultKind::flip:
      return FaultSite::after_average;
    case FaultKind::desync:
    case FaultKind::desync_type:
    case FaultKind::desync_kind:
    case FaultKind::desync_order:
      return FaultSite::in_average;
    case FaultKind::enospc:
      return FaultSite::ckpt_write;
    default:
      return std::nullopt;
  }
}

Entry parse_entry(std::string_view text) {
  Entry entry;
  entry.text = text;
  const auto at = text.find('@');
  entry.kind = static_cast<FaultKind>(index_of(kKinds, trimmed(text.substr(0, at)), text));
  entry.site = usual_site(entry.kind);
  if (at == std::string_view::npos) return entry;
  for (const std::string_view assignment : split(text.substr(at + 1), ',')) {
    const auto equals = assignment.find('=');
    if (equals == std::string_view::npos) refuse(text, "'" + std::string(assignment) + "' is not key=value");
    const std::string_view key = trimmed(assignment.substr(0, equals)), value = trimmed(assignment.substr(equals + 1));
    if (key == "site")
      entry.site = static_cast<FaultSite>(index_of(kSites, value, text));
    else if (key == "rank")
      entry.rank = number(value, text);
    else if (key == "step")
      entry.step = number(value, text);
    else if (key == "seconds" && entry.kind == FaultKind::stall)
      entry.seconds = number(value, text);
    else if (key == "code" && entry.kind == FaultKind::exit)
      entry.code = number(value, text);
    else
      refuse(text,
             "no key '" + std::string(key) + "' here; rank, step, site, seconds (stall) and code (exit) are known");
  }
  return entry;
}

void read_environment() {
  std::call_once(environment_read, [] {
    const char* text = std::getenv("QUASAR_FAULT");
    if (pending.load() < 0) set_fault_plan(text == nullptr ? "" : text);
  });
}

void carry_out(const Entry& entry, FaultSite site, int rank, std::int64_t step) {
  const std::string where = "'" + entry.text + "' at " + std::string(kSites[static_cast<std::size_t>(site)]) +
                            ", rank " + std::to_string(rank) + ", step " + std::to_string(step);
  std::fprintf(stderr, "quasar: fault plan: now %s\n", where.c_str());
  switch (entry.kind) {
    case FaultKind::kill:
      ::kill(::getpid(), SIGKILL);
      break;
    case FaultKind::stop:
      ::kill(::getpid(), SIGSTOP);
      break;
    case FaultKind::exit:
      std::_Exit(static_cast<int>(entry.code));
    case FaultKind::error:
      throw DataError("the fault plan asked for an error, " + where);
    case FaultKind::stall:
      for (std::int64_t second = 0; !entry.seconds || second < *entry.seconds; ++second)
        std::this_thread::sleep_for(std::chrono::seconds(1));
      break;
    default:
      break;
  }
}

}  // namespace

void set_fault_plan(const std::string& text) {
  std::vector<Entry> entries;
  for (const std::string_view entry : split(text, ';'))
    if (!entry.empty()) entries.push_back(parse_entry(entry));
  if (!entries.empty()) std::fprintf(stderr, "quasar: fault plan: %s\n", text.c_str());
  const std::lock_guard lock(mutex);
  plan = std::move(entries);
  pending = static_cast<std::int64_t>(plan.size());
}

void load_fault_plan() { read_environment(); }

std::optional<FaultKind> fault_at(FaultSite site, int rank, std::int64_t step) {
  const std::int64_t left = pending.load(std::memory_order_acquire);
  if (left == 0) return std::nullopt;
  if (left < 0) read_environment();
  std::optional<Entry> due;
  {
    const std::lock_guard lock(mutex);
    for (Entry& entry : plan) {
      if (entry.fired || (entry.site && *entry.site != site) || (entry.rank && *entry.rank != rank) ||
          (entry.step && *entry.step != step))
        continue;
      entry.fired = true;
      --pending;
      due = entry;
      break;
    }
  }
  if (!due) return std::nullopt;
  carry_out(*due, site, rank, step);
  if (due->kind <= FaultKind::stall) return std::nullopt;
  return due->kind;
}

std::vector<std::string> unfired_faults() {
  read_environment();
  const std::lock_guard lock(mutex);
  std::vector<std::string> unfired;
  for (const Entry& entry : plan)
    if (!entry.fired) unfired.push_back(entry.text);
  return unfired;
}

}  // namespace quasar
