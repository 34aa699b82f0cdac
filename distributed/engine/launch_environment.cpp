#include "distributed/engine/launch_environment.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/errors.h"

namespace quasar {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

int number(const char* name, const std::string& value, int least, int most) {
  int result = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
  if (error != std::errc{} || end != value.data() + value.size() || result < least || result > most)
    throw ConfigError(std::string(name) + "='" + value + "' is not a number from " + std::to_string(least) + " to " +
                      std::to_string(most));
  return result;
}

std::optional<int> number(const char* name, int least = 0) {
  const auto value = variable(name);
  if (!value) return std::nullopt;
  return number(name, *value, least, 1 << 30);
}

int required(const char* name, const char* because, int least = 0) {
  const auto value = number(name, least);
  if (!value) throw ConfigError(std::string(name) + " is not set although " + because + " is; export both or neither");
  return *value;
}

/// The names that one launcher gives to the four numbers; the last may have none.
struct Names {
  const char *launcher, *rank, *world_size, *local_rank, *local_world_size;
};

LaunchEnvironment read_place(const Names& names) {
  LaunchEnvironment place;
  place.launcher = names.launcher;
  place.rank = required(names.rank, names.world_size);
  place.world_size = required(names.world_size, names.rank, 1);
  if (place.rank >= place.world_size)
    throw ConfigError(std::string(names.rank) + "=" + std::to_string(place.rank) + " must be below " +
                      names.world_size + "=" + std::to_string(place.world_size));
  // A launcher that does not say has started all on this node.
  place.local_rank = number(names.local_rank).value_or(place.rank);
  place.local_world_size = place.world_size;
  if (names.local_world_size == nullptr) return place;
  place.local_world_size = number(names.local_world_size, 1).value_or(place.world_size);
  if (place.local_rank >= place.local_world_size || place.local_world_size > place.world_size)
    throw ConfigError(std::string(names.local_rank) + "=" + std::to_string(place.local_rank) + ", " +
                      names.local_world_size + "=" + std::to_string(place.local_world_size) + " and " +
                      names.world_size + "=" + std::to_string(place.world_size) + " contradict each other");
  return place;
}

/// Between the well-known ports and Linux's ephemeral ones (32768 and up), the same for all ranks of a job.
int port_of_job(const std::string& job) {
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const char c : job) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return 20000 + static_cast<int>(hash % 12000u);
}

void find_store(LaunchEnvironment& place, const std::optional<std::string>& host, const std::string& job) {
  const auto address = variable("MASTER_ADDR"), port = variable("MASTER_PORT");
  if (!address && !host && place.local_world_size < place.world_size)
    throw ConfigError(
        place.launcher + " started " + std::to_string(place.world_size) + " processes, " +
        std::to_string(place.local_world_size) +
        " of them on this node, but says not where rank 0 is: export MASTER_ADDR (host name or address of "
        "rank 0's node) and MASTER_PORT (a free port there) to all");
  place.address = address ? *address : host.value_or("127.0.0.1");
  place.port = port ? number("MASTER_PORT", *port, 1, 65535) : port_of_job(job);
}

std::optional<LaunchEnvironment> from_torchrun() {
  if (!variable("RANK") && !variable("WORLD_SIZE")) return std::nullopt;
  LaunchEnvironment place = read_place({"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"});
  for (const char* name : {"MASTER_ADDR", "MASTER_PORT"})
    if (!variable(name) && place.world_size > 1)
      throw ConfigError(std::string(name) + " is not set although RANK and WORLD_SIZE are; export all four");
  find_store(place, "127.0.0.1", "");
  place.store_is_served = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
  place.attempt = number("TORCHELASTIC_RESTART_COUNT").value_or(0);
  return place;
}

std::optional<LaunchEnvironment> from_open_mpi() {
  if (!variable("OMPI_COMM_WORLD_RANK") && !variable("OMPI_COMM_WORLD_SIZE")) return std::nullopt;
  LaunchEnvironment place = read_place({"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                                        "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"});
  // On one node mpirun is everybody's parent, should it not name its job.
  const auto job = variable("OMPI_MCA_ess_base_jobid"), space = variable("PMIX_NAMESPACE");
  find_store(place, std::nullopt, job ? *job : space.value_or(std::to_string(::getppid())));
  return place;
}

std::optional<LaunchEnvironment> from_mpich() {
  if (!variable("PMI_RANK") && !variable("PMI_SIZE")) return std::nullopt;
  LaunchEnvironment place = read_place({"MPICH", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"});
  find_store(place, std::nullopt, variable("PMI_JOBID").value_or(std::to_string(::getppid())));
  return place;
}

std::optional<LaunchEnvironment> from_slurm() {
  // A batch script and salloc's shell have SLURM_PROCID and SLURM_NTASKS too, but are no tasks: only srun sets these.
  if (!variable("SLURM_PROCID") || (!variable("SLURM_STEP_NUM_TASKS") && !variable("SLURM_STEP_ID")))
    return std::nullopt;
  const char* size = variable("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
  const auto nodes = number("SLURM_STEP_NUM_NODES", 1);
  LaunchEnvironment place = read_place({"Slurm", "SLURM_PROCID", size, "SLURM_LOCALID", nullptr});
  // srun's shell for one task: the process is alone, whatever the allocation has.
  if (place.world_size == 1) return std::nullopt;
  // SLURM_NTASKS_PER_NODE is the allocation's, of which a step may use a part.
  place.local_world_size = std::min(place.world_size, number("SLURM_NTASKS_PER_NODE", 1).value_or(place.world_size));
  if (nodes) place.local_world_size = (place.world_size + *nodes - 1) / *nodes;
  const auto step_list = variable("SLURM_STEP_NODELIST"), list = variable("SLURM_NODELIST");
  std::optional<std::string> host;
  if (step_list || list) host = first_slurm_host(step_list ? *step_list : *list);
  if (nodes == 1) host = "127.0.0.1";
  find_store(place, host, variable("SLURM_JOB_ID").value_or("") + "." + variable("SLURM_STEP_ID").value_or("0"));
  return place;
}

}  // namespace

std::string first_slurm_host(const std::string& list) {
  // A comma inside brackets splits numbers, one outside splits hosts.
  const auto bracket = list.find('['), comma = list.find(',');
  if (comma < bracket || bracket == std::string::npos) return list.substr(0, comma);
  const auto close = list.find(']', bracket);
  const std::string range = list.substr(bracket + 1, close - bracket - 1);
  const std::string first = range.substr(0, range.find_first_of("-,"));
  if (close == std::string::npos || first.empty())
    throw ConfigError("SLURM_NODELIST='" + list + "' is not a list of hosts; export MASTER_ADDR instead");
  // What follows the bracket up to the next comma may have brackets of its own: rack[1-2]node[3-4].
  std::string rest = list.substr(close + 1);
  if (!rest.empty() && rest.front() != ',') rest = first_slurm_host(rest);
  return list.substr(0, bracket) + first + (rest.starts_with(',') ? "" : rest);
}

std::optional<LaunchEnvironment> launch_environment() {
  // torchrun may itself run under srun, and mpirun starts its daemons by srun: the innermost launcher counts.
  if (auto place = from_torchrun()) return place;
  if (auto place = from_open_mpi()) return place;
  if (variable("MPI_LOCALRANKID"))
    if (auto place = from_mpich()) return place;
  if (auto place = from_slurm()) return place;
  return from_mpich();
}

}  // namespace quasar
