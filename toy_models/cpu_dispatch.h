#pragma once

#include "core/instruction_set.h"
#include "toy_models/local_sgd_kernel.h"

namespace quasar {

/// Replicas that are advanced together: a few SIMD registers' worth, to hide the latency of the update chain.
inline constexpr int kLanes = 64;
template <int Dim, class Real>
using Block = ReplicaBlock<Dim, Real, kLanes>;

#if defined(__x86_64__)
// Everything these two inline is always_inline, so no code for AVX escapes into functions that other files share.
template <class Landscape, class Real>
__attribute__((target("arch=x86-64-v3"))) void advance_block_v3(const Landscape& landscape,
                                                                const RoundsView<Real>& rounds,
                                                                const WorkerNoise& noise, std::uint32_t first_replica,
                                                                Block<Landscape::dim, Real>& block) {
  advance_rounds<kLanes>(landscape, rounds, noise, first_replica, block);
}

template <class Landscape, class Real>
__attribute__((target("arch=x86-64-v4,prefer-vector-width=512"))) void advance_block_v4(
    const Landscape& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise, std::uint32_t first_replica,
    Block<Landscape::dim, Real>& block) {
  advance_rounds<kLanes>(landscape, rounds, noise, first_replica, block);
}
#endif

/// advance_rounds() on a block with the instruction set asked for.
///
/// Not checked: that the CPU has it.
template <class Landscape, class Real>
void advance_block([[maybe_unused]] InstructionSet instruction_set, const Landscape& landscape,
                   const RoundsView<Real>& rounds, const WorkerNoise& noise, std::uint32_t first_replica,
                   Block<Landscape::dim, Real>& block) {
#if defined(__x86_64__)
  if (instruction_set == InstructionSet::x86_64_v4)
    return advance_block_v4(landscape, rounds, noise, first_replica, block);
  if (instruction_set == InstructionSet::x86_64_v3)
    return advance_block_v3(landscape, rounds, noise, first_replica, block);
#endif
  advance_rounds<kLanes>(landscape, rounds, noise, first_replica, block);
}

}  // namespace quasar
