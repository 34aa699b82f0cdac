#pragma once

#include <optional>
#include <string>

namespace quasar {

struct LaunchOptions {
  double grace_seconds = 15.0;  ///< after the first failure, before what is left is killed
  std::string log_folder = "";  ///< rank-000.log, ... take each rank's output; empty: ours
};

/// Forks this process into the ranks of one run on this machine and waits for them.
///
/// returns  in each rank: nothing, with torchrun's variables set; the rank goes on from there, and what the launcher had
///          loaded is there already. In the launcher: 0, or 75 if ranks ask for a restart and none failed, or the exit
///          code of the rank that failed first (128 + n by signal n), whose message is the last line on stderr
///
/// The store the ranks meet at is served by the launcher, on loopback, at a port the kernel chose, so that no rank's end
/// takes it along. SIGTERM, SIGINT and SIGUSR1 are passed on to all; none outlives the launcher.
/// Not checked: that this process has a single thread and no CUDA context. With more a rank can only exec.
std::optional<int> launch_processes(int processes, const LaunchOptions& options = {});

}  // namespace quasar
