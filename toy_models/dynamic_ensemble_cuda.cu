#include <algorithm>
#include <span>
#include <vector>

#include "toy_models/device_rounds.h"
#include "toy_models/dynamic_kernels.h"
#include "toy_models/ensemble_cuda.h"

namespace quasar {
namespace {

/// CUDA blocks that are at work at the same time, each of kLanes threads with rows of its own; the rest follow.
constexpr int kBlocksPerMultiprocessor = 16;

/// The rows of all CUDA blocks, one block after the other; row i of a block has kLanes numbers that follow one another,
/// so that threads side by side read and write numbers side by side.
template <WorkerNoiseLaw Law, class Real>
struct DeviceWorkspace {
  Eigen::Index size, noise_dim, scratch_rows, words_rows;
  Real* numbers;
  std::uint32_t* words;

  template <DynamicSteps S>
  explicit DeviceWorkspace(const S& steps)
      : size(steps.size()),
        noise_dim(steps.noise_dim()),
        scratch_rows(steps.scratch_rows()),
        words_rows(DynamicNoise<Law, 1, kLanes>::rows_of_words(noise_dim)) {}

  __host__ __device__ Eigen::Index numbers_of_block() const { return (3 * size + noise_dim + scratch_rows) * kLanes; }
  __host__ __device__ Eigen::Index words_of_block() const { return words_rows * kLanes; }

  /// Of a lane; the averages are the replicas' own.
  __device__ DynamicRows<Real> rows(Real* average, Eigen::Index block, Eigen::Index lane) const {
    Real* const worker = numbers + block * numbers_of_block() + lane;
    const Eigen::Index row = kLanes;
    Real* const noise = worker + 3 * size * row;
    return {average + lane,
            worker,
            worker + size * row,
            worker + 2 * size * row,
            noise,
            noise + noise_dim * row,
            words + block * words_of_block() + lane,
            nullptr};
  }
};

/// A thread a replica, a CUDA block a block of replicas, and then another.
template <WorkerNoiseLaw Law, class S, class Real>
__global__ void __launch_bounds__(kLanes)
    advance_dynamic_blocks(S steps, RoundsView<Real> rounds, WorkerNoise noise, DeviceWorkspace<Law, Real> space,
                           Real* averages, std::uint32_t* left_domain, std::uint32_t first_replica,
                           std::uint32_t blocks) {
  for (std::uint32_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    const std::uint32_t place = block * kLanes + threadIdx.x;
    const auto rows = space.rows(averages + block * steps.size() * kLanes, blockIdx.x, threadIdx.x);
    advance_dynamic_rounds<1, Law, kLanes>(steps, rounds, noise, SingleDraws{}, first_replica + place, rows,
                                           left_domain + place);
  }
}

int blocks_at_work() {
  int device = 0, multiprocessors = 0;
  check_cuda(cudaGetDevice(&device));
  check_cuda(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device));
  return kBlocksPerMultiprocessor * multiprocessors;
}

/// On the current device.
template <WorkerNoiseLaw Law, class L, class Real>
void advance_on_device(const L& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise,
                       std::uint32_t first_replica, std::span<Block<L::dim, Real>> blocks) {
  std::vector<DeviceArray<double>> arrays;
  const auto steps = landscape.steps([&](const double* numbers, Eigen::Index count) -> const double* {
    arrays.push_back(copy_to_device(numbers, static_cast<std::size_t>(count)));
    return arrays.back().get();
  });
  const DeviceRounds<Real> copy(rounds);

  const auto numbers_of_block = static_cast<std::size_t>(steps.size()) * kLanes;
  std::vector<Real> averages(blocks.size() * numbers_of_block);
  std::vector<std::uint32_t> left_domain(blocks.size() * kLanes);
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    const Real* const average = blocks[b].average[0].lane;  // the rows follow one another
    std::copy_n(average, numbers_of_block, &averages[b * numbers_of_block]);
    std::copy_n(blocks[b].left_domain, kLanes, &left_domain[b * kLanes]);
  }
  const auto averages_there = copy_to_device(averages.data(), averages.size());
  const auto left_domain_there = copy_to_device(left_domain.data(), left_domain.size());

  const auto grid = static_cast<std::uint32_t>(std::min<std::size_t>(blocks.size(), blocks_at_work()));
  DeviceWorkspace<Law, Real> space(steps);
  const auto numbers = array_on_device<Real>(grid * static_cast<std::size_t>(space.numbers_of_block()));
  const auto words = array_on_device<std::uint32_t>(grid * static_cast<std::size_t>(space.words_of_block()));
  space.numbers = numbers.get();
  space.words = words.get();
  advance_dynamic_blocks<Law><<<grid, kLanes>>>(steps, copy.view(), noise, space, averages_there.get(),
                                                left_domain_there.get(), first_replica,
                                                static_cast<std::uint32_t>(blocks.size()));
  check_cuda(cudaGetLastError());
  check_cuda(cudaMemcpy(averages.data(), averages_there.get(), averages.size() * sizeof(Real), cudaMemcpyDeviceToHost));
  check_cuda(cudaMemcpy(left_domain.data(), left_domain_there.get(), left_domain.size() * sizeof(std::uint32_t),
                        cudaMemcpyDeviceToHost));
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    std::copy_n(&averages[b * numbers_of_block], numbers_of_block, blocks[b].average[0].lane);
    std::copy_n(&left_domain[b * kLanes], kLanes, blocks[b].left_domain);
  }
}

}  // namespace

template <DynamicLandscape L, class Real>
void advance_on_cuda(const L& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise,
                     std::uint32_t first_replica, std::vector<Block<L::dim, Real>>& blocks) {
  const auto advance = noise.law == WorkerNoiseLaw::signs ? advance_on_device<WorkerNoiseLaw::signs, L, Real>
                                                          : advance_on_device<WorkerNoiseLaw::gaussian, L, Real>;
  share_among_devices(blocks, first_replica, [&](std::span<Block<L::dim, Real>> part, std::uint32_t first) {
    advance(landscape, rounds, noise, first, part);
  });
}

#define QUASAR_DEFINE(...)                                                        \
  template AdvanceOnCuda<__VA_ARGS__, float> advance_on_cuda<__VA_ARGS__, float>; \
  template AdvanceOnCuda<__VA_ARGS__, double> advance_on_cuda<__VA_ARGS__, double>;
QUASAR_FOR_EACH_DYNAMIC_LANDSCAPE(QUASAR_DEFINE)

}  // namespace quasar
