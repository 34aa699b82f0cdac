#include <cuda_runtime.h>

#include <memory>
#include <source_location>

#include "core/errors.h"
#include "toy_models/circle.h"
#include "toy_models/diagonal_network.h"
#include "toy_models/ellipse.h"
#include "toy_models/ensemble_cuda.h"
#include "toy_models/hyperbola.h"
#include "toy_models/least_squares.h"
#include "toy_models/multiplicative_quadratic.h"
#include "toy_models/periodic_valley.h"
#include "toy_models/quadratic.h"
#include "toy_models/river.h"
#include "toy_models/sphere.h"
#include "toy_models/turning_valley.h"
#include "toy_models/valley.h"

namespace quasar {
namespace {

constexpr int kThreadsPerBlock = 128;

void check(cudaError_t status, std::source_location where = std::source_location::current()) {
  if (status == cudaSuccess) return;
  throw NumericalError(std::string("CUDA: ") + cudaGetErrorString(status) + " (" + where.file_name() + ":" +
                       std::to_string(where.line()) + ")");
}

struct CudaFree {
  void operator()(void* memory) const { cudaFree(memory); }
};
template <class T>
using DeviceArray = std::unique_ptr<T[], CudaFree>;

template <class T>
DeviceArray<T> copy_to_device(const T* from, std::size_t count) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, count * sizeof(T)));
  DeviceArray<T> array(static_cast<T*>(memory));
  check(cudaMemcpy(array.get(), from, count * sizeof(T), cudaMemcpyHostToDevice));
  return array;
}

/// 32 threads that follow one another read and write 32 lanes that follow one another.
template <class L, class Real>
__global__ void __launch_bounds__(kThreadsPerBlock)
    advance_replicas(L landscape, RoundsView<Real> rounds, WorkerNoise noise, Block<L::dim, Real>* blocks,
                     std::uint32_t replicas) {
  const std::uint32_t replica = blockIdx.x * kThreadsPerBlock + threadIdx.x;
  if (replica >= replicas) return;
  Block<L::dim, Real>& block = blocks[replica / kLanes];
  const std::uint32_t lane = replica % kLanes;
  ReplicaBlock<L::dim, Real, 1> own;
  for (int i = 0; i < L::dim; ++i) own.average[i][0] = block.average[i][lane];
  own.left_domain[0] = block.left_domain[lane];
  advance_rounds<1>(landscape, rounds, noise, replica, own);
  for (int i = 0; i < L::dim; ++i) block.average[i][lane] = own.average[i][0];
  block.left_domain[lane] = own.left_domain[0];
}

template <class L, class Real>
void advance_on_device(const L& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise,
                       std::vector<Block<L::dim, Real>>& blocks) {
  std::int64_t steps = 0;
  for (std::int64_t round = 0; round < rounds.num_rounds; ++round) steps += rounds.periods[round];
  const auto periods = copy_to_device(rounds.periods, static_cast<std::size_t>(rounds.num_rounds));
  const auto learning_rates = copy_to_device(rounds.learning_rates, static_cast<std::size_t>(steps));
  const auto on_device = copy_to_device(blocks.data(), blocks.size());
  const auto replicas = static_cast<std::uint32_t>(blocks.size() * kLanes);
  const std::uint32_t grid = (replicas + kThreadsPerBlock - 1) / kThreadsPerBlock;
  const RoundsView<Real> view{rounds.first_step, periods.get(), rounds.num_rounds, learning_rates.get()};
  advance_replicas<<<grid, kThreadsPerBlock>>>(landscape, view, noise, on_device.get(), replicas);
  check(cudaGetLastError());
  check(cudaMemcpy(blocks.data(), on_device.get(), blocks.size() * sizeof(blocks[0]), cudaMemcpyDeviceToHost));
}

}  // namespace

bool cuda_device_available() {
  int devices = 0;
  return cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0;
}

std::string cuda_device_name() {
  cudaDeviceProp properties;
  if (!cuda_device_available() || cudaGetDeviceProperties(&properties, 0) != cudaSuccess) return {};
  return properties.name;
}

void require_cuda() {
  if (!cuda_device_available())
    throw ConfigError("this machine has no CUDA device that its driver can reach (see nvidia-smi); use the device cpu");
}

template <class L>
void CudaEnsemble<L>::advance(const L& landscape, const RoundsView<float>& rounds, const WorkerNoise& noise,
                              std::vector<Block<L::dim, float>>& blocks) {
  advance_on_device(landscape, rounds, noise, blocks);
}

template <class L>
void CudaEnsemble<L>::advance(const L& landscape, const RoundsView<double>& rounds, const WorkerNoise& noise,
                              std::vector<Block<L::dim, double>>& blocks) {
  advance_on_device(landscape, rounds, noise, blocks);
}

template struct CudaEnsemble<Valley>;
template struct CudaEnsemble<Circle>;
template struct CudaEnsemble<Hyperbola>;
template struct CudaEnsemble<River>;
template struct CudaEnsemble<PeriodicValley>;
template struct CudaEnsemble<Sphere<3>>;
template struct CudaEnsemble<TurningValley>;
template struct CudaEnsemble<Ellipse>;
template struct CudaEnsemble<DiagonalNetwork<8, 3>>;
template struct CudaEnsemble<MultiplicativeQuadratic>;
template struct CudaEnsemble<Quadratic<1>>;
template struct CudaEnsemble<Quadratic<2>>;
template struct CudaEnsemble<LeastSquares<2, 4>>;

}  // namespace quasar
