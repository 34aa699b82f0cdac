// `quasar` itself is linked without LibTorch, whose loading takes a third of a second: what needs networks is handed, before
// anything was begun, to `quasar-networks` beside it, the same program with LibTorch.

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "core/errors.h"
#include "experiments/commands.h"
#include "experiments/network_theory.h"
#include "experiments/networks_available.h"
#include "experiments/task_training.h"

namespace quasar {
namespace {

/// This process goes on as the other program, with the same arguments.
[[noreturn]] void hand_over() {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "quasar-networks";
  std::ifstream stream("/proc/self/cmdline", std::ios::binary);
  std::string words{std::istreambuf_iterator<char>(stream), {}};  // each ends with a zero byte
  std::vector<char*> arguments;
  for (std::size_t begin = 0; begin < words.size(); begin = words.find('\0', begin) + 1)
    arguments.push_back(words.data() + begin);
  arguments.push_back(nullptr);
  std::fflush(nullptr);
  ::execv(program.c_str(), arguments.data());
  throw ConfigError(program.string() + " is missing, which has the networks; build or install it beside quasar");
}

}  // namespace

bool has_networks() { hand_over(); }
std::string networks_library() { hand_over(); }
FinishedRun run_network_theory(const Config&, bool) { hand_over(); }
FinishedRun run_train(const Config&, bool) { hand_over(); }
int train_command(const RunArguments&) { hand_over(); }
TaskPlan plan_task(const Config&) { hand_over(); }
std::filesystem::path training_folder(const Config&) { hand_over(); }

}  // namespace quasar
