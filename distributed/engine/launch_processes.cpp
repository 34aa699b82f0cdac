#include "distributed/engine/launch_processes.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>

#include "core/errors.h"
#include "distributed/engine/rendezvous.h"

namespace quasar {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kForwarded[] = {SIGTERM, SIGINT, SIGUSR1};
constexpr int kRestart = static_cast<int>(ExitCode::restart);

/// The signals we forward and SIGCHLD stay pending for sigtimedwait while this lives.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGCHLD);
    for (const int signal : kForwarded) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  const sigset_t& set() const { return set_; }

 private:
  sigset_t set_, before_;
};

struct Child {
  Child(pid_t started) : pid(started) {}  // NOLINT(google-explicit-constructor): a range of ids becomes children
  pid_t pid;
  std::optional<int> status;  ///< waitpid's, once it has ended
  bool killed_by_us = false;
};

int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

std::string how_it_ended(int status) {
  if (WIFEXITED(status)) return "ended with exit code " + std::to_string(WEXITSTATUS(status));
  return "was killed by signal " + std::to_string(WTERMSIG(status)) + " (SIG" + sigabbrev_np(WTERMSIG(status)) + ")";
}

bool is_failure(int status) {
  const int code = exit_code_of(status);
  return code != 0 && code != kRestart;
}

std::string log_file(const std::string& folder, int rank) {
  char name[32];
  std::snprintf(name, sizeof(name), "rank-%03d.log", rank);
  return std::filesystem::path(folder) / name;
}

/// How the ranks, forked before the store's threads exist, learn its port: each reads one number.
class PortForRanks {
 public:
  PortForRanks() {
    if (::pipe2(ends_, O_CLOEXEC) != 0) throw PeerError(std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  ~PortForRanks() {
    close(0);
    close(1);
  }
  PortForRanks(const PortForRanks&) = delete;
  PortForRanks& operator=(const PortForRanks&) = delete;

  void tell(int port, int ranks) {
    const std::vector<int> copies(static_cast<std::size_t>(ranks), port);
    const std::size_t size = copies.size() * sizeof(int);
    if (::write(ends_[1], copies.data(), size) != static_cast<ssize_t>(size))
      throw PeerError(std::string("cannot tell the ranks their port: ") + std::strerror(errno));
  }
  /// In a rank; nothing if the launcher has given up.
  std::optional<int> hear() {
    close(1);
    int port = 0;
    if (::read(ends_[0], &port, sizeof(port)) != sizeof(port)) return std::nullopt;
    return port;
  }

 private:
  void close(int end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }
  int ends_[2] = {-1, -1};
};

void set_variables(int rank, int processes, int port) {
  const std::pair<const char*, std::string> variables[] = {{"RANK", std::to_string(rank)},
                                                           {"LOCAL_RANK", std::to_string(rank)},
                                                           {"WORLD_SIZE", std::to_string(processes)},
                                                           {"LOCAL_WORLD_SIZE", std::to_string(processes)},
                                                           {"MASTER_ADDR", "127.0.0.1"},
                                                           {"MASTER_PORT", std::to_string(port)},
                                                           {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                                           {"TORCHELASTIC_RESTART_COUNT", "0"}};
  for (const auto& [name, value] : variables) ::setenv(name, value.c_str(), 1);
}

void become_rank(int rank, int processes, pid_t launcher, const std::string& log, PortForRanks& port_for_ranks) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != launcher) ::_exit(128 + SIGKILL);
  // A terminal's Ctrl-C reaches the launcher only, which passes it on: two would stop a rank at once.
  ::setpgid(0, 0);
  if (!log.empty()) {
    const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0) ::_exit(static_cast<int>(ExitCode::storage));
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
  }
  const std::optional<int> port = port_for_ranks.hear();
  if (!port) ::_exit(static_cast<int>(ExitCode::peer));
  set_variables(rank, processes, *port);
}

/// The ranks of one run.
class Ranks {
 public:
  Ranks(StorePointer keys, const std::vector<pid_t>& pids, double grace_seconds)
      : keys_(std::move(keys)), grace_seconds_(grace_seconds), children_(pids.begin(), pids.end()) {}
  ~Ranks() {
    kill_the_rest();
    for (Child& child : children_)
      if (!child.status) ::waitpid(child.pid, nullptr, 0);
  }
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  void forward(int signal) const {
    for (const Child& child : children_)
      if (!child.status) ::kill(child.pid, signal);
  }

  /// Notes who has ended; true while anybody runs.
  bool collect() {
    for (std::size_t rank = 0; rank < children_.size(); ++rank) {
      Child& child = children_[rank];
      int status = 0;
      if (child.status || ::waitpid(child.pid, &status, WNOHANG) != child.pid) continue;
      child.status = status;
      // The others read at once how it went; they know whether that was too early.
      keys_->set(exit_key(static_cast<int>(rank)), how_it_ended(status));
      if (!is_failure(status)) continue;
      if (first_ < 0) {
        first_ = static_cast<int>(rank);
        give_up_at_ =
            Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(grace_seconds_));
      }
    }
    if (first_ >= 0 && Clock::now() >= give_up_at_) kill_the_rest();
    return std::any_of(children_.begin(), children_.end(), [](const Child& child) { return !child.status; });
  }

  /// After all have ended; prints who failed first.
  int exit_code() const {
    if (first_ < 0) {
      const bool restart = std::any_of(children_.begin(), children_.end(),
                                       [](const Child& child) { return exit_code_of(*child.status) == kRestart; });
      return restart ? kRestart : 0;
    }
    // The ranks themselves know better than the order in which they ended who failed and who only lost a peer.
    Failure failure = noted_failure(*keys_);
    const bool known = failure.rank >= 0 && failure.rank < static_cast<int>(children_.size());
    const int culprit = known ? failure.rank : first_;
    const Child& child = children_[culprit];
    if (failure.message.empty()) failure.message = "it " + how_it_ended(*child.status);
    std::fprintf(stderr, "quasar: rank %d failed first: %s\n", culprit, failure.message.c_str());
    if (is_failure(*child.status) && !child.killed_by_us) return exit_code_of(*child.status);
    return static_cast<int>(ExitCode::peer);
  }

 private:
  void kill_the_rest() {
    for (Child& child : children_)
      if (!child.status) {
        child.killed_by_us = true;
        ::kill(child.pid, SIGKILL);
      }
  }

  const StorePointer keys_;
  const double grace_seconds_;
  std::vector<Child> children_;
  int first_ = -1;
  Clock::time_point give_up_at_;
};

}  // namespace

std::optional<int> launch_processes(int processes, const LaunchOptions& options) {
  if (processes < 1) throw ConfigError("nothing to launch: the number of processes must be at least 1");
  if (!options.log_folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(options.log_folder, error);
    if (error) throw StorageError("workers.log_folder='" + options.log_folder + "': " + error.message());
  }
  const BlockedSignals blocked;
  PortForRanks port_for_ranks;
  const pid_t launcher = ::getpid();
  std::fflush(nullptr);
  std::vector<pid_t> pids;
  for (int rank = 0; rank < processes; ++rank) {
    const pid_t pid = ::fork();
    if (pid < 0) throw PeerError("cannot start rank " + std::to_string(rank) + ": " + std::strerror(errno));
    if (pid == 0) {
      const std::string log = options.log_folder.empty() ? "" : log_file(options.log_folder, rank);
      become_rank(rank, processes, launcher, log, port_for_ranks);
      return std::nullopt;
    }
    pids.push_back(pid);
  }
  // Only now may threads start: a forked copy would lack them.
  const ServedStore served = serve_store("127.0.0.1", 0);
  Ranks ranks(keys_of_attempt(served.store, 0), pids, options.grace_seconds);
  port_for_ranks.tell(served.port, processes);
  while (ranks.collect()) {
    const timespec pause{0, 100'000'000};
    const int signal = ::sigtimedwait(&blocked.set(), nullptr, &pause);
    if (std::find(std::begin(kForwarded), std::end(kForwarded), signal) != std::end(kForwarded)) ranks.forward(signal);
  }
  return ranks.exit_code();
}

}  // namespace quasar
