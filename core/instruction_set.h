#pragma once

#include <string>

namespace quasar {

/// What the kernels over lanes are compiled for; the bits of the results are the same for all of them.
enum class InstructionSet {
  baseline,   ///< any CPU; without hardware fma slow, but exact
  x86_64_v3,  ///< AVX2 and FMA
  x86_64_v4   ///< AVX-512
};

/// The widest instruction set that this CPU has.
InstructionSet best_instruction_set();
std::string name_of(InstructionSet instruction_set);

}  // namespace quasar
