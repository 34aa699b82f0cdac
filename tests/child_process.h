#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace quasar {

using Words = std::vector<std::string>;

inline std::string read_text(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

inline void write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

/// What a finished child said; code is 128 + n if signal n ended it.
struct Outcome {
  int code = -1;
  std::string out, err;
};

inline std::ostream& operator<<(std::ostream& stream, const Outcome& outcome) {
  return stream << "exit code " << outcome.code << "\nstdout: " << outcome.out.substr(0, 2000)
                << "\nstderr: " << outcome.err.substr(0, 2000);
}

/// One child running the binary in a folder, its streams in two files; killed, if still running, with the object.
class RunningBinary {
 public:
  RunningBinary(const std::string& binary, const Words& words, const std::filesystem::path& folder)
      : streams_((folder / ".stream-XXXXXX").string()) {
    close(mkstemp(streams_.data()));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, out_file().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err_file().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    std::vector<char*> arguments = {const_cast<char*>(binary.c_str())};
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    if (posix_spawn(&child_, binary.c_str(), &actions, nullptr, arguments.data(), environ) != 0) child_ = 0;
    posix_spawn_file_actions_destroy(&actions);
  }
  ~RunningBinary() {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    for (const auto& file : {streams_, out_file(), err_file()}) std::filesystem::remove(file);
  }
  RunningBinary(const RunningBinary&) = delete;
  RunningBinary& operator=(const RunningBinary&) = delete;

  void send(int signal) const { kill(child_, signal); }
  std::string errors_so_far() const { return read_text(err_file()); }

  /// Waits for its end; after the deadline it is killed and the test fails.
  Outcome wait(std::chrono::seconds deadline) {
    if (child_ <= 0) {
      ADD_FAILURE() << "the binary could not be started";
      return {};
    }
    const int handle = static_cast<int>(syscall(SYS_pidfd_open, child_, 0));
    pollfd ended{handle, POLLIN, 0};
    if (poll(&ended, 1, static_cast<int>(deadline.count()) * 1000) != 1) {
      ADD_FAILURE() << "still running after " << deadline.count() << " s; killed";
      kill(child_, SIGKILL);
    }
    close(handle);
    int status = 0;
    waitpid(std::exchange(child_, 0), &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_text(out_file()),
            read_text(err_file())};
  }

 private:
  std::string out_file() const { return streams_ + ".out"; }
  std::string err_file() const { return streams_ + ".err"; }

  std::string streams_;
  pid_t child_ = 0;
};

/// Polls the condition; false if it did not come true before the deadline.
template <class Condition>
bool becomes_true(Condition condition, std::chrono::seconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace quasar
