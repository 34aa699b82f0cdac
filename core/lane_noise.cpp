#include "core/lane_noise.h"

#include "core/lane_noise_kernel.h"

namespace quasar {

void fill_normals([[maybe_unused]] InstructionSet instruction_set, const Draw& first, int count, float* z) {
#if defined(__x86_64__)
  if (instruction_set == InstructionSet::x86_64_v4) return lane_noise_v4::fill_normals(first, count, z);
  if (instruction_set == InstructionSet::x86_64_v3) return lane_noise_v3::fill_normals(first, count, z);
#endif
  Draw draw = first;
  for (int lane = 0; lane < count; ++lane, ++draw.replica) {
    float four[4];
    normals(draw, four);
    for (int i = 0; i < 4; ++i) z[i * count + lane] = four[i];
  }
}

void fill_words([[maybe_unused]] InstructionSet instruction_set, const Draw& first, int count, std::uint32_t* w) {
#if defined(__x86_64__)
  if (instruction_set == InstructionSet::x86_64_v4) return lane_noise_v4::fill_words(first, count, w);
  if (instruction_set == InstructionSet::x86_64_v3) return lane_noise_v3::fill_words(first, count, w);
#endif
  Draw draw = first;
  for (int lane = 0; lane < count; ++lane, ++draw.replica) {
    const Words four = words(draw);
    for (int i = 0; i < 4; ++i) w[i * count + lane] = four.w[i];
  }
}

}  // namespace quasar
