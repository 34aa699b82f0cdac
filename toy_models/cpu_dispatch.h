#pragma once

#include "core/instruction_set.h"
#include "core/lane_noise.h"
#include "toy_models/local_sgd_kernel.h"

namespace quasar {

/// Replicas that are advanced together: a few SIMD registers' worth, to hide the latency of the update chain.
inline constexpr int kLanes = 64;
static_assert(kLanes % kNoiseLanes == 0);
template <int Dim, class Real>
using Block = ReplicaBlock<Dim, Real, kLanes>;

/// The draws of all lanes at once.
struct LaneDraws {
  InstructionSet instruction_set;

  template <int Lanes>
  QUASAR_HD void normals(const Draw& first, float (&z)[4][Lanes]) const {
    fill_normals(instruction_set, first, Lanes, &z[0][0]);
  }
  template <int Lanes>
  QUASAR_HD void words(const Draw& first, std::uint32_t (*w)[Lanes]) const {
    fill_words(instruction_set, first, Lanes, &w[0][0]);
  }
};

/// Lanes whose workers stay in registers for some steps; measured to be the fastest for registers of so many bytes.
template <WorkerNoiseLaw Law, class Real, int RegisterBytes>
inline constexpr int kChunk = (Law == WorkerNoiseLaw::gaussian ? 1
                               : RegisterBytes == 64           ? 2
                                                               : 4) *
                              RegisterBytes / static_cast<int>(sizeof(Real));

#if defined(__x86_64__)
// Everything these two inline is always_inline, so no code for AVX escapes into functions that other files share.
template <WorkerNoiseLaw Law, class Landscape, class Real>
__attribute__((target("arch=x86-64-v3"))) void advance_block_v3(const Landscape& landscape,
                                                                const RoundsView<Real>& rounds,
                                                                const WorkerNoise& noise, std::uint32_t first_replica,
                                                                Block<Landscape::dim, Real>& block,
                                                                double* dispersion) {
  advance_rounds<kLanes, kChunk<Law, Real, 32>, Law>(landscape, rounds, noise, LaneDraws{InstructionSet::x86_64_v3},
                                                     first_replica, block, dispersion);
}

template <WorkerNoiseLaw Law, class Landscape, class Real>
__attribute__((target("arch=x86-64-v4,prefer-vector-width=512"))) void advance_block_v4(
    const Landscape& landscape, const RoundsView<Real>& rounds, const WorkerNoise& noise, std::uint32_t first_replica,
    Block<Landscape::dim, Real>& block, double* dispersion) {
  advance_rounds<kLanes, kChunk<Law, Real, 64>, Law>(landscape, rounds, noise, LaneDraws{InstructionSet::x86_64_v4},
                                                     first_replica, block, dispersion);
}
#endif

template <WorkerNoiseLaw Law, class Landscape, class Real>
void advance_block_by_law(InstructionSet instruction_set, const Landscape& landscape, const RoundsView<Real>& rounds,
                          const WorkerNoise& noise, std::uint32_t first_replica, Block<Landscape::dim, Real>& block,
                          double* dispersion) {
#if defined(__x86_64__)
  if (instruction_set == InstructionSet::x86_64_v4)
    return advance_block_v4<Law>(landscape, rounds, noise, first_replica, block, dispersion);
  if (instruction_set == InstructionSet::x86_64_v3)
    return advance_block_v3<Law>(landscape, rounds, noise, first_replica, block, dispersion);
#endif
  advance_rounds<kLanes, kLanes, Law>(landscape, rounds, noise, LaneDraws{instruction_set}, first_replica, block,
                                      dispersion);
}

/// advance_rounds() on a block with the instruction set asked for.
///
/// Not checked: that the CPU has it.
template <class Landscape, class Real>
void advance_block(InstructionSet instruction_set, const Landscape& landscape, const RoundsView<Real>& rounds,
                   const WorkerNoise& noise, std::uint32_t first_replica, Block<Landscape::dim, Real>& block,
                   double* dispersion = nullptr) {
  const auto advance = noise.law == WorkerNoiseLaw::signs
                           ? advance_block_by_law<WorkerNoiseLaw::signs, Landscape, Real>
                           : advance_block_by_law<WorkerNoiseLaw::gaussian, Landscape, Real>;
  advance(instruction_set, landscape, rounds, noise, first_replica, block, dispersion);
}

}  // namespace quasar
