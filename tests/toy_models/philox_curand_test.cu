#include <cuda_runtime.h>
#include <curand_kernel.h>
#include <gtest/gtest.h>

#include <vector>

#include "core/random.h"

namespace quasar {
namespace {

constexpr int kDraws = 4096;

__global__ void compare_generators(std::uint64_t seed, Words* ours, Words* theirs) {
  const auto i = static_cast<std::uint32_t>(blockIdx.x * blockDim.x + threadIdx.x);
  // cuRAND counts draws in the low and subsequences in the high half of the counter.
  ours[i] = philox4x32_10(3 * i, i, i ^ 0x5a5a5a5au, 7 * i, static_cast<std::uint32_t>(seed),
                          static_cast<std::uint32_t>(seed >> 32));
  curandStatePhilox4_32_10_t state;
  const auto subsequence = static_cast<unsigned long long>(7 * i) << 32 | (i ^ 0x5a5a5a5au);
  const auto draw = static_cast<unsigned long long>(i) << 32 | (3 * i);
  curand_init(seed, subsequence, 4 * draw, &state);
  const uint4 words = curand4(&state);
  theirs[i] = {{words.x, words.y, words.z, words.w}};
}

TEST(Philox, EqualsCurandOnTheDevice) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) GTEST_SKIP() << "no CUDA device";
  Words *ours = nullptr, *theirs = nullptr;
  ASSERT_EQ(cudaMallocManaged(&ours, kDraws * sizeof(Words)), cudaSuccess);
  ASSERT_EQ(cudaMallocManaged(&theirs, kDraws * sizeof(Words)), cudaSuccess);
  compare_generators<<<kDraws / 128, 128>>>(0x0123456789abcdefull, ours, theirs);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  for (int i = 0; i < kDraws; ++i)
    for (int j = 0; j < 4; ++j) ASSERT_EQ(ours[i].w[j], theirs[i].w[j]) << "draw " << i;
  cudaFree(ours);
  cudaFree(theirs);
}

}  // namespace
}  // namespace quasar
