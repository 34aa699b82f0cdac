#pragma once

/// Marks a function that is compiled for the CPU's lanes and, under nvcc, for the GPU from the same source.
#if defined(__CUDACC__)
#define QUASAR_HD __host__ __device__ __forceinline__
#else
#define QUASAR_HD inline __attribute__((always_inline))
#endif
