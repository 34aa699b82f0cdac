// quasar doctor: what this binary and this machine can do.

#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>

#include "core/build_info.h"
#include "core/cache_folder.h"
#include "core/subprocess.h"
#include "distributed/data/find_data.h"
#include "experiments/commands.h"
#include "experiments/networks_available.h"
#include "toy_models/cpu_dispatch.h"
#include "toy_models/ensemble_cuda.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;

void line(const std::string& what, const std::string& found) { std::printf("%-18s %s\n", what.c_str(), found.c_str()); }

std::string data_set(const std::string& name) {
  try {
    const auto folder = find_dataset(name, "", Download::never);
    return folder ? folder->string() : "not here; downloaded when a run needs it, else procedural images are used";
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::string free_space(const fs::path& folder) {
  std::error_code error;
  const auto space = fs::space(folder, error);
  if (error) return error.message();
  char text[64];
  std::snprintf(text, sizeof(text), "%.1f GiB free in ", static_cast<double>(space.available) / (1 << 30));
  return text + fs::weakly_canonical(folder).string();
}

std::string python_with_matplotlib() {
  const std::string python = python_interpreter();
  const int status =
      run_subprocess({python, "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('matplotlib') is None)"});
  if (status == 0) return python + ", with matplotlib";
  return python + (status == 127 ? ": not found" : ": without matplotlib") +
         "; figures are not drawn (./quickstart.sh installs it)";
}

}  // namespace

void doctor_command() {
  const std::string networks = networks_library();  // the program that has them prints all
  const BuildInfo& build = build_info();
  line("quasar",
       build.version + ", commit " + build.commit + (build.dirty ? " (changed)" : "") + ", code " + build.code_id);
  line("compiler", build.compiler + ", " + build.build_type + ", " + build.flags);
  line("instruction set", name_of(best_instruction_set()) + ", " + std::to_string(std::thread::hardware_concurrency()) +
                              " hardware threads");
  line("LibTorch", networks);
  line("CUDA kernels", !build.cuda               ? "not built (nvcc was not found)"
                       : cuda_device_available() ? "built; device " + cuda_device_name()
                                                 : "built; no device on this machine");
  line("NCCL", build.nccl ? "built" : "not built (needs libtorch_cuda with all its libraries): workers use Gloo");
  line("Python", python_with_matplotlib());
  line("Fashion-MNIST", data_set("fashion_mnist"));
  line("MNIST", data_set("mnist"));
  line("CIFAR-10", data_set("cifar10"));
  line("disk", free_space("."));
  line("cache", free_space(fs::exists(cache_folder()) ? cache_folder() : fs::path(".")));
}

}  // namespace quasar
