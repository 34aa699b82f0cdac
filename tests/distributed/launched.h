#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "distributed/engine/launch_processes.h"
#include "tests/distributed/free_port.h"
#include "tests/distributed/temporary_folder.h"

namespace quasar {

using Variables = std::map<std::string, std::string>;

inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// A test has threads, so that a rank forked from it can only exec.
[[noreturn]] inline void become_engine_process(std::vector<std::string> command) {
  std::vector<char*> words;
  for (std::string& word : command) words.push_back(word.data());
  words.push_back(nullptr);
  ::execv(words[0], words.data());
  ::_exit(127);
}

/// Environment variables for as long as it lives.
class WithVariables {
 public:
  explicit WithVariables(const Variables& variables) : variables_(variables) {
    for (const auto& [name, value] : variables_) setenv(name.c_str(), value.c_str(), 1);
  }
  ~WithVariables() {
    for (const auto& [name, value] : variables_) unsetenv(name.c_str());
  }
  WithVariables(const WithVariables&) = delete;
  WithVariables& operator=(const WithVariables&) = delete;

 private:
  Variables variables_;
};

/// A program with variables set by hand and its output in a file; killed at the end of the test's life at the latest.
class StartedProcess {
 public:
  StartedProcess(std::vector<std::string> command, const Variables& variables, const std::string& log) {
    const WithVariables set(variables);
    std::vector<char*> words;
    for (std::string& word : command) words.push_back(word.data());
    words.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  ~StartedProcess() {
    if (!code_) ::kill(pid_, SIGKILL), ::waitpid(pid_, nullptr, 0);
  }
  StartedProcess(const StartedProcess&) = delete;
  StartedProcess& operator=(const StartedProcess&) = delete;

  pid_t pid() const { return pid_; }

  /// Its exit code, or 128 + n by signal n; fails the test and returns none if it has not ended in time.
  std::optional<int> exit_code(double seconds = 60.0) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (!code_ && std::chrono::steady_clock::now() < deadline) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_)
        code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      else
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_TRUE(code_) << "process " << pid_ << " still runs after " << seconds << " s";
    return code_;
  }

 private:
  pid_t pid_ = 0;
  std::optional<int> code_;
};

/// One run of engine_process under launch_processes.
struct Launched {
  int code = -1;
  std::string last_words;  ///< the launcher's own stderr
  std::vector<std::string> logs;

  Launched(const TemporaryFolder& folder, int processes, const std::string& scenario, Variables variables = {}) {
    variables["TEST_FOLDER"] = folder.path();
    const WithVariables set(variables);
    testing::internal::CaptureStderr();
    const auto launched = launch_processes(processes, {.grace_seconds = 1.0, .log_folder = folder.path().string()});
    if (!launched) become_engine_process({ENGINE_PROCESS, scenario});
    code = *launched;
    last_words = testing::internal::GetCapturedStderr();
    for (int rank = 0; rank < processes; ++rank) logs.push_back(text_of(log_file(folder, rank)));
  }

  static std::filesystem::path log_file(const TemporaryFolder& folder, int rank) {
    return folder.path() / ("rank-00" + std::to_string(rank) + ".log");
  }
};

}  // namespace quasar
