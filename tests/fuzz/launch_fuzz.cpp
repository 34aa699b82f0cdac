#include "distributed/engine/launch_environment.h"

#include <cstdlib>

#include "tests/fuzz/fuzz.h"

namespace quasar::fuzz {

std::vector<std::string> seeds() {
  return {"RANK=1\nWORLD_SIZE=2\nMASTER_ADDR=localhost\nMASTER_PORT=29500\n",
          "SLURM_PROCID=0\nSLURM_NTASKS=4\nSLURM_LOCALID=0\nSLURM_STEP_ID=0\nSLURM_JOB_ID=77\n"
          "SLURM_STEP_NODELIST=node[03-05,9],other1\nSLURM_JOB_NUM_NODES=2\n",
          "OMPI_COMM_WORLD_RANK=2\nOMPI_COMM_WORLD_SIZE=4\nOMPI_COMM_WORLD_LOCAL_RANK=0\nOMPI_COMM_WORLD_LOCAL_SIZE=2\n"
          "MASTER_ADDR=10.0.0.1\n"};
}

/// One variable a line.
void parse(const std::string& input) {
  clearenv();
  for (std::size_t begin = 0; begin < input.size();) {
    const std::size_t end = std::min(input.find('\n', begin), input.size());
    const std::string line = input.substr(begin, end - begin);
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos && equals > 0)
      setenv(line.substr(0, equals).c_str(), line.substr(equals + 1).c_str(), 1);
    begin = end + 1;
  }
  if (const auto place = launch_environment(); place && (place->rank < 0 || place->rank >= place->world_size))
    throw std::logic_error("a rank outside of its world");
  first_slurm_host(input);
}

}  // namespace quasar::fuzz
