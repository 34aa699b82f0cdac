#pragma once

#include <string>
#include <vector>

namespace quasar {

struct LaunchOptions {
  double grace_seconds = 15.0;  ///< after the first failure, before what is left is killed
  std::string log_folder = "";  ///< rank-000.log, ... take each rank's output; empty: ours
};

/// Runs N copies of a command (found on PATH, no shell) as the ranks of one run on this machine and waits for them.
///
/// The copies get torchrun's variables; the store they meet at is served here, on loopback, at a port the kernel chose,
/// so that no rank's end takes it along. SIGTERM, SIGINT and SIGUSR1 are passed on to all; none outlives this process.
/// Returns 0, or 75 if ranks ask for a restart and none failed, or the exit code of the rank that failed first (128 + n by
/// signal n), whose message is the last line on stderr.
int launch_processes(int processes, const std::vector<std::string>& command, const LaunchOptions& options = {});

}  // namespace quasar
