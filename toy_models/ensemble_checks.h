#pragma once

#include <cstdint>

#include "toy_models/ensemble.h"

namespace quasar {

inline std::int64_t blocks_in(std::int64_t replicas) { return (replicas + kLanes - 1) / kLanes; }

/// What a landscape has kernels for beside Gaussian noise and label noise with SGD on the CPU.
struct LandscapeKernels {
  bool minibatch;  ///< it is a FiniteSum
  bool generic;    ///< other noise and optimisers, and CUDA: its dimension is known to the compiler
};

/// Throws ConfigError for impossible options, and for noise, optimisers and devices that there is no kernel for, naming
/// what can be combined.
void check_ensemble(const EnsembleOptions& options, const LandscapeKernels& kernels);

}  // namespace quasar
