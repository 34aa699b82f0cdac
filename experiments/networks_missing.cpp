// What the network commands say in a binary that was built without LibTorch.

#include "core/errors.h"
#include "experiments/commands.h"
#include "experiments/network_theory.h"
#include "experiments/networks_available.h"
#include "experiments/task_training.h"

namespace quasar {
namespace {

[[noreturn]] void refuse() {
  throw ConfigError(
      "this binary was built without LibTorch, so it has no networks (./quickstart.sh fetches it and builds "
      "again; or configure with -DQUASAR_TORCH=ON)");
}

}  // namespace

bool has_networks() { return false; }
std::string networks_library() { return "not built: no networks (./quickstart.sh fetches it)"; }
FinishedRun run_network_theory(const Config&, bool) { refuse(); }
FinishedRun run_train(const Config&, bool) { refuse(); }
int train_command(const RunArguments&) { refuse(); }
TaskPlan plan_task(const Config&) { refuse(); }
std::filesystem::path training_folder(const Config&) { refuse(); }

}  // namespace quasar
