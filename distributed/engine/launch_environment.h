#pragma once

#include <optional>
#include <string>

namespace quasar {

/// What a launcher told this process about its place among the others.
struct LaunchEnvironment {
  int rank = 0;
  int world_size = 1;
  int local_rank = 0;
  int local_world_size = 1;
  std::string address = "127.0.0.1";  ///< where rank 0, or the launcher's agent, serves the store
  int port = 0;
  bool store_is_served = false;  ///< by the launcher: then rank 0 only connects, too
  int attempt = 0;               ///< a launcher's restart in place gets new keys in the same store
  std::string launcher;          ///< "torchrun", "Open MPI", "MPICH" or "Slurm"
};

/// The place from the variables of torchrun (also set by hand, and by our own launcher), Open MPI, MPICH or a Slurm step;
/// none if this process was not started by one of them.
///
/// MASTER_ADDR and MASTER_PORT override a launcher's own. Without them a job on one node meets on 127.0.0.1 and a Slurm
/// job on its first host, at a port derived from the job's number. A Slurm allocation without `srun` and a step of one
/// task are no launch. ConfigError, naming variable and value, for what is missing or contradicts itself.
std::optional<LaunchEnvironment> launch_environment();

/// First host of a Slurm node list: "node[03-05,9],other1" -> "node03".
std::string first_slurm_host(const std::string& list);

}  // namespace quasar
