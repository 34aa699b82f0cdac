#include "toy_models/cuda_devices.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/errors.h"
#include "core/parallel_for.h"
#include "toy_models/ensemble_cuda.h"

namespace quasar {
namespace {

[[noreturn]] void throw_out_of_memory(std::size_t asked) {
  cudaGetLastError();  // clears it
  std::size_t free = 0, total = 0;
  int device = 0;
  check_cuda(cudaGetDevice(&device));
  check_cuda(cudaMemGetInfo(&free, &total));
  constexpr std::size_t kMegabyte = 1000000;
  throw ConfigError("toy ensemble: CUDA device " + std::to_string(device) + " has " + std::to_string(free / kMegabyte) +
                    " of its " + std::to_string(total / kMegabyte) + " MB free, and " +
                    std::to_string(asked / kMegabyte) + " MB more are needed; take fewer replicas, or shards");
}

/// Those that this build has code for.
std::vector<int> usable_devices() {
  constexpr int kOldestMajor = 8;  // compute capability, see cmake/Cuda.cmake
  int devices = 0;
  std::vector<int> usable;
  if (cudaGetDeviceCount(&devices) != cudaSuccess) return usable;
  for (int device = 0; device < devices; ++device) {
    int major = 0;
    if (cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
        major >= kOldestMajor)
      usable.push_back(device);
  }
  return usable;
}

}  // namespace

void check_cuda(cudaError_t status, std::source_location where) {
  if (status == cudaSuccess) return;
  throw NumericalError(std::string("CUDA: ") + cudaGetErrorString(status) + " (" + where.file_name() + ":" +
                       std::to_string(where.line()) + ")");
}

void* allocate_on_device(std::size_t bytes) {
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, std::max<std::size_t>(bytes, 1));
  if (status == cudaErrorMemoryAllocation) throw_out_of_memory(bytes);
  check_cuda(status);
  return memory;
}

void for_each_device(std::size_t count, const std::function<void(std::size_t from, std::size_t end)>& work) {
  const std::vector<int> usable = usable_devices();
  if (usable.empty()) throw NumericalError("CUDA: the device is gone (see nvidia-smi)");
  const std::size_t devices = usable.size();
  parallel_for(devices, 1, static_cast<int>(devices), [&](std::size_t device) {
    const std::size_t from = count * device / devices, end = count * (device + 1) / devices;
    if (from == end) return;
    check_cuda(cudaSetDevice(usable[device]));
    work(from, end);
  });
}

bool cuda_device_available() { return !usable_devices().empty(); }

std::string cuda_device_name() {
  cudaDeviceProp properties;
  const std::vector<int> usable = usable_devices();
  if (usable.empty() || cudaGetDeviceProperties(&properties, usable[0]) != cudaSuccess) return {};
  return properties.name;
}

void require_cuda() {
  if (!cuda_device_available())
    throw ConfigError(
        "this machine has no CUDA device of compute capability 8.0 or later that its driver can reach (see "
        "nvidia-smi); use the device cpu");
}

}  // namespace quasar
