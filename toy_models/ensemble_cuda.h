#pragma once

#include <string>
#include <vector>

#include "toy_models/cpu_dispatch.h"

namespace quasar {

/// Whether this build has CUDA and this machine a device for it, of compute capability 8.0 or later.
bool cuda_device_available();
/// Name of the first device; empty without one.
std::string cuda_device_name();
/// Throws ConfigError, saying how to get it, if cuda_device_available() is false.
void require_cuda();

/// The ensemble's kernel on all such devices that are visible, each with blocks of its own: one thread a replica, the CPU's
/// bits, whatever the devices are.
template <class L>
struct CudaEnsemble {
  static void advance(const L& landscape, const RoundsView<float>& rounds, const WorkerNoise& noise,
                      std::uint32_t first_replica, std::vector<Block<L::dim, float>>& blocks);
  static void advance(const L& landscape, const RoundsView<double>& rounds, const WorkerNoise& noise,
                      std::uint32_t first_replica, std::vector<Block<L::dim, double>>& blocks);
};

}  // namespace quasar
