#include "core/instruction_set.h"

namespace quasar {

InstructionSet best_instruction_set() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return InstructionSet::x86_64_v4;
  if (__builtin_cpu_supports("x86-64-v3")) return InstructionSet::x86_64_v3;
#endif
  return InstructionSet::baseline;
}

std::string name_of(InstructionSet instruction_set) {
  switch (instruction_set) {
    case InstructionSet::x86_64_v4:
      return "AVX-512 (x86-64-v4)";
    case InstructionSet::x86_64_v3:
      return "AVX2 (x86-64-v3)";
    case InstructionSet::baseline:
      break;
  }
  return "baseline";
}

}  // namespace quasar
