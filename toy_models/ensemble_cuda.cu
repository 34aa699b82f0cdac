#include <cuda_runtime.h>

#include <memory>
#include <source_location>
#include <span>

#include "core/errors.h"
#include "core/parallel_for.h"
#include "toy_models/compiled_kernels.h"
#include "toy_models/ensemble_cuda.h"

namespace quasar {
namespace {

constexpr int kThreadsPerBlock = 128;

void check(cudaError_t status, std::source_location where = std::source_location::current()) {
  if (status == cudaSuccess) return;
  throw NumericalError(std::string("CUDA: ") + cudaGetErrorString(status) + " (" + where.file_name() + ":" +
                       std::to_string(where.line()) + ")");
}

[[noreturn]] void throw_out_of_memory(std::size_t asked) {
  cudaGetLastError();  // clears it
  std::size_t free = 0, total = 0;
  int device = 0;
  check(cudaGetDevice(&device));
  check(cudaMemGetInfo(&free, &total));
  constexpr std::size_t kMegabyte = 1000000;
  throw ConfigError("toy ensemble: CUDA device " + std::to_string(device) + " has " + std::to_string(free / kMegabyte) +
                    " of its " + std::to_string(total / kMegabyte) + " MB free, and " +
                    std::to_string(asked / kMegabyte) + " MB more are needed; take fewer replicas, or shards");
}

struct CudaFree {
  void operator()(void* memory) const { cudaFree(memory); }
};
template <class T>
using DeviceArray = std::unique_ptr<T[], CudaFree>;

template <class T>
DeviceArray<T> copy_to_device(const T* from, std::size_t count) {
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, count * sizeof(T));
  if (status == cudaErrorMemoryAllocation) throw_out_of_memory(count * sizeof(T));
  check(status);
  DeviceArray<T> array(static_cast<T*>(memory));
  check(cudaMemcpy(array.get(), from, count * sizeof(T), cudaMemcpyHostToDevice));
  return array;
}

/// 32 threads that follow one another read and write 32 lanes that follow one another.
template <class L, class Real>
__global__ void __launch_bounds__(kThreadsPerBlock)
    advance_replicas(L landscape, RoundsView<Real> rounds, WorkerNoise noise, Block<L::dim, Real>* blocks,
                     std::uint32_t first_replica, std::uint32_t replicas) {
  const std::uint32_t place = blockIdx.x * kThreadsPerBlock + threadIdx.x;
  if (place >= replicas) return;
  Block<L::dim, Real>& block = blocks[place / kLanes];
  const std::uint32_t lane = place % kLanes, replica = first_replica + place;
  ReplicaBlock<L::dim, Real, 1> own;
  for (int i = 0; i < L::dim; ++i) own.average[i][0] = block.average[i][lane];
  own.left_domain[0] = block.left_domain[lane];
  if (noise.law == WorkerNoiseLaw::signs)
    advance_rounds<1, 1, WorkerNoiseLaw::signs>(landscape, rounds, noise, SingleDraws{}, replica, own);
  else
    advance_rounds<1, 1, WorkerNoiseLaw::gaussian>(landscape, rounds, noise, SingleDraws{}, replica, own);
  for (int i = 0; i < L::dim; ++i) block.average[i][lane] = own.average[i][0];
  block.left_domain[lane] = own.left_domain[0];
}

/// On the current device.
template <class L, class Real>
void advance_on_device(const L& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise,
                       std::uint32_t first_replica, std::span<Block<L::dim, Real>> blocks) {
  std::int64_t steps = 0;
  for (std::int64_t round = 0; round < rounds.num_rounds; ++round) steps += rounds.periods[round];
  const auto periods = copy_to_device(rounds.periods, static_cast<std::size_t>(rounds.num_rounds));
  const auto learning_rates = copy_to_device(rounds.learning_rates, static_cast<std::size_t>(steps));
  const auto on_device = copy_to_device(blocks.data(), blocks.size());
  const auto replicas = static_cast<std::uint32_t>(blocks.size() * kLanes);
  const std::uint32_t grid = (replicas + kThreadsPerBlock - 1) / kThreadsPerBlock;
  const RoundsView<Real> view{rounds.first_step, periods.get(), rounds.num_rounds, learning_rates.get()};
  advance_replicas<<<grid, kThreadsPerBlock>>>(landscape, view, noise, on_device.get(), first_replica, replicas);
  check(cudaGetLastError());
  check(cudaMemcpy(blocks.data(), on_device.get(), blocks.size() * sizeof(blocks[0]), cudaMemcpyDeviceToHost));
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

/// A host thread a device, so that copies and kernels of different devices go on at the same time.
template <class L, class Real>
void advance_on_all_devices(const L& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise,
                            std::uint32_t first_replica, std::span<Block<L::dim, Real>> blocks) {
  const std::vector<int> usable = usable_devices();
  if (usable.empty()) throw NumericalError("CUDA: the device is gone (see nvidia-smi)");
  const std::size_t devices = usable.size();
  parallel_for(devices, 1, static_cast<int>(devices), [&](std::size_t device) {
    const std::size_t from = blocks.size() * device / devices, end = blocks.size() * (device + 1) / devices;
    if (from == end) return;
    check(cudaSetDevice(usable[device]));
    advance_on_device<L, Real>(landscape, rounds, noise, first_replica + static_cast<std::uint32_t>(from * kLanes),
                               blocks.subspan(from, end - from));
  });
}

}  // namespace

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

template <class L>
void CudaEnsemble<L>::advance(const L& landscape, const RoundsView<float>& rounds, const WorkerNoise& noise,
                              std::uint32_t first_replica, std::vector<Block<L::dim, float>>& blocks) {
  advance_on_all_devices<L, float>(landscape, rounds, noise, first_replica, blocks);
}

template <class L>
void CudaEnsemble<L>::advance(const L& landscape, const RoundsView<double>& rounds, const WorkerNoise& noise,
                              std::uint32_t first_replica, std::vector<Block<L::dim, double>>& blocks) {
  advance_on_all_devices<L, double>(landscape, rounds, noise, first_replica, blocks);
}

#define QUASAR_DEFINE(...) template struct CudaEnsemble<__VA_ARGS__>;
QUASAR_FOR_EACH_LANDSCAPE(QUASAR_DEFINE)

}  // namespace quasar
