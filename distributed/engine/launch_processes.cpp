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
  const sigset_t& before() const { return before_; }

 private:
  sigset_t set_, before_;
};

struct Child {
  explicit Child(pid_t started) : pid(started) {}
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

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

/// Our environment with a rank's variables in place of any of the same names.
std::vector<std::string> environment_of(int rank, int processes, int port) {
  std::vector<std::string> ours = {"RANK=" + std::to_string(rank),
                                   "LOCAL_RANK=" + std::to_string(rank),
                                   "WORLD_SIZE=" + std::to_string(processes),
                                   "LOCAL_WORLD_SIZE=" + std::to_string(processes),
                                   "MASTER_ADDR=127.0.0.1",
                                   "MASTER_PORT=" + std::to_string(port),
                                   "TORCHELASTIC_USE_AGENT_STORE=True",
                                   "TORCHELASTIC_RESTART_COUNT=0"};
  const std::size_t own = ours.size();
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const std::string name = text.substr(0, text.find('=') + 1);
    if (std::none_of(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(own),
                     [&](const std::string& entry) { return entry.starts_with(name); }))
      ours.push_back(text);
  }
  return ours;
}

/// Everything is prepared before fork: between fork and exec a process with threads may only make system calls.
pid_t start(std::vector<std::string> command, std::vector<std::string> environment, const std::string& log,
            const sigset_t& signals) {
  const auto arguments = pointers(command), variables = pointers(environment);
  const pid_t launcher = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
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
  ::pthread_sigmask(SIG_SETMASK, &signals, nullptr);
  ::execvpe(arguments[0], arguments.data(), variables.data());
  ::_exit(127);
}

/// The ranks of one run.
class Ranks {
 public:
  Ranks(StorePointer keys, double grace_seconds) : keys_(std::move(keys)), grace_seconds_(grace_seconds) {}
  ~Ranks() {
    kill_the_rest();
    for (Child& child : children_)
      if (!child.status) ::waitpid(child.pid, nullptr, 0);
  }
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  void add(pid_t pid) { children_.emplace_back(pid); }

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

int launch_processes(int processes, const std::vector<std::string>& command, const LaunchOptions& options) {
  if (processes < 1 || command.empty())
    throw ConfigError("nothing to launch: a command and a number of processes >= 1");
  if (!options.log_folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(options.log_folder, error);
    if (error) throw StorageError("workers.log_folder='" + options.log_folder + "': " + error.message());
  }
  // Before the store's thread starts, which inherits what is blocked.
  const BlockedSignals blocked;
  const ServedStore served = serve_store("127.0.0.1", 0);
  Ranks ranks(keys_of_attempt(served.store, 0), options.grace_seconds);
  for (int rank = 0; rank < processes; ++rank) {
    const pid_t pid = start(command, environment_of(rank, processes, served.port),
                            options.log_folder.empty() ? "" : log_file(options.log_folder, rank), blocked.before());
    if (pid < 0) throw PeerError("cannot start rank " + std::to_string(rank) + ": " + std::strerror(errno));
    ranks.add(pid);
  }
  while (ranks.collect()) {
    const timespec pause{0, 100'000'000};
    const int signal = ::sigtimedwait(&blocked.set(), nullptr, &pause);
    if (std::find(std::begin(kForwarded), std::end(kForwarded), signal) != std::end(kForwarded)) ranks.forward(signal);
  }
  return ranks.exit_code();
}

}  // namespace quasar
