#include "core/subprocess.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "core/cache_folder.h"

namespace quasar {

int run_subprocess(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0) return 127;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string python_interpreter() {
  const char* chosen = std::getenv("QUASAR_PYTHON");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  std::error_code none;
  std::string newest = "python3";
  auto newest_time = std::filesystem::file_time_type::min();
  for (const auto& entry : std::filesystem::directory_iterator(cache_folder(), none)) {
    if (!entry.path().filename().string().starts_with("venv-")) continue;
    const auto time = std::filesystem::last_write_time(entry.path() / "complete", none);
    if (none || time <= newest_time) continue;  // the packages may have changed since an older one was made
    newest_time = time;
    newest = entry.path() / "bin/python";
  }
  return newest;
}

}  // namespace quasar
