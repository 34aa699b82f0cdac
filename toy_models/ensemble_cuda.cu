#include "toy_models/ensemble_cuda.h"

#include <span>

#include "toy_models/compiled_kernels.h"
#include "toy_models/device_rounds.h"

namespace quasar {
namespace {

constexpr int kThreadsPerBlock = 128;

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
  const DeviceRounds<Real> copy(rounds);
  const auto on_device = copy_to_device(blocks.data(), blocks.size());
  const auto replicas = static_cast<std::uint32_t>(blocks.size() * kLanes);
  const std::uint32_t grid = (replicas + kThreadsPerBlock - 1) / kThreadsPerBlock;
  advance_replicas<<<grid, kThreadsPerBlock>>>(landscape, copy.view(), noise, on_device.get(), first_replica, replicas);
  check_cuda(cudaGetLastError());
  check_cuda(cudaMemcpy(blocks.data(), on_device.get(), blocks.size() * sizeof(blocks[0]), cudaMemcpyDeviceToHost));
}

}  // namespace

template <Landscape L, class Real>
void advance_on_cuda(const L& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise,
                     std::uint32_t first_replica, std::vector<Block<L::dim, Real>>& blocks) {
  share_among_devices(blocks, first_replica, [&](std::span<Block<L::dim, Real>> part, std::uint32_t first) {
    advance_on_device(landscape, rounds, noise, first, part);
  });
}

#define QUASAR_DEFINE(...)                                                        \
  template AdvanceOnCuda<__VA_ARGS__, float> advance_on_cuda<__VA_ARGS__, float>; \
  template AdvanceOnCuda<__VA_ARGS__, double> advance_on_cuda<__VA_ARGS__, double>;
QUASAR_FOR_EACH_LANDSCAPE(QUASAR_DEFINE)

}  // namespace quasar
