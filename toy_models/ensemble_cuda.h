#pragma once

#include <string>
#include <vector>

#include "toy_models/cpu_dispatch.h"
#include "toy_models/dynamic_kernel.h"
#include "toy_models/landscape.h"

namespace quasar {

/// Whether this build has CUDA and this machine a device for it, of compute capability 8.0 or later.
bool cuda_device_available();
/// Name of the first device; empty without one.
std::string cuda_device_name();
/// Throws ConfigError, saying how to get it, if cuda_device_available() is false.
void require_cuda();

/// The ensemble's kernel on all such devices that are visible, each with blocks of its own: one thread a replica, the CPU's
/// bits, whatever the devices are.
///
/// cost  memory per replica: its averages; of a DynamicLandscape also 3 size() + noise_dim() numbers for each of the
///       1,024 threads a multiprocessor that are at work at the same time
template <class L, class Real>
using AdvanceOnCuda = void(const L&, const RoundsView<Real>&, const WorkerNoise&, std::uint32_t first_replica,
                           std::vector<Block<L::dim, Real>>&);
template <Landscape L, class Real>
void advance_on_cuda(const L& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise,
                     std::uint32_t first_replica, std::vector<Block<L::dim, Real>>& blocks);
template <DynamicLandscape L, class Real>
void advance_on_cuda(const L& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise,
                     std::uint32_t first_replica, std::vector<Block<L::dim, Real>>& blocks);

}  // namespace quasar
