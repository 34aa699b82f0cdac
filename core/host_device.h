#pragma once

/// Marks a function that is compiled for the CPU's lanes and, under nvcc, for the GPU from the same source.
#if defined(__CUDACC__)
#define QUASAR_HD __host__ __device__ __forceinline__
#else
#define QUASAR_HD inline __attribute__((always_inline))
#endif

/// Before a short loop with a constant bound: unrolled, so that the lanes around it stay lanes.
#if defined(__CUDA_ARCH__)
#define QUASAR_UNROLL _Pragma("unroll")
#elif defined(__CUDACC__)
#define QUASAR_UNROLL
#else
#define QUASAR_UNROLL _Pragma("GCC unroll 16")
#endif
