#pragma once

#include "core/instruction_set.h"
#include "core/random.h"

/// Draws of many replicas at once: what random.h gives one by one, bit for bit, in the widest registers there are.
namespace quasar {

/// Replicas come in multiples of this.
inline constexpr int kNoiseLanes = 32;

/// The four normals of `count` draws that differ in their replica alone:
///
///   z[i * count + lane] = normals({first, replica + lane})[i],  i = 0 .. 3
///
/// cost  a normal takes 0.56 ns of a Zen 4 core with AVX-512 and 0.91 ns with AVX2 (BENCHMARKS.md)
/// Not checked: that count is a multiple of kNoiseLanes and that the CPU has the instruction set.
void fill_normals(InstructionSet instruction_set, const Draw& first, int count, float* z);

/// The four words of such draws: w[i * count + lane].
void fill_words(InstructionSet instruction_set, const Draw& first, int count, std::uint32_t* w);

}  // namespace quasar
