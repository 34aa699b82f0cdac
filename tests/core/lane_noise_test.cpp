#include "core/lane_noise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

namespace quasar {
namespace {

std::vector<InstructionSet> instruction_sets_here() {
  std::vector<InstructionSet> sets;
  for (const auto set : {InstructionSet::baseline, InstructionSet::x86_64_v3, InstructionSet::x86_64_v4})
    if (set <= best_instruction_set()) sets.push_back(set);
  return sets;
}

TEST(LaneNoise, IsBitForBitThatOfSingleDraws) {
  for (const InstructionSet set : instruction_sets_here())
    for (const int count : {32, 64, 96, 128})
      for (std::uint32_t i = 0; i < 500; ++i) {
        // Names whose every part uses high bits and low ones.
        const Draw first{0x0123456789abcdefull * (i + 1),
                         static_cast<Use>(1 + i % 12),
                         i * 2654435761u,
                         (std::uint64_t{i} << 37) + i,
                         i * 977u % 65536u,
                         i * 33331u % 16777216u};
        std::vector<float> z(static_cast<std::size_t>(4 * count));
        std::vector<std::uint32_t> w(z.size());
        fill_normals(set, first, count, z.data());
        fill_words(set, first, count, w.data());
        for (int lane = 0; lane < count; ++lane) {
          Draw draw = first;
          draw.replica += static_cast<std::uint32_t>(lane);
          float single[4];
          normals(draw, single);
          const Words four = words(draw);
          for (int k = 0; k < 4; ++k) {
            const auto place = static_cast<std::size_t>(k * count + lane);
            ASSERT_EQ(w[place], four.w[k]) << name_of(set) << ", draw " << i << ", lane " << lane;
            ASSERT_EQ(std::memcmp(&z[place], &single[k], sizeof(float)), 0)
                << name_of(set) << ", draw " << i << ", lane " << lane << ": " << z[place] << " is not " << single[k];
          }
        }
      }
}

TEST(LaneNoise, NormalsHaveTheMomentsAndTailsOfTheNormalLaw) {
  constexpr int kLanes = 64, kDraws = 1 << 16;
  double power_sum[6] = {};
  std::int64_t beyond[5] = {};
  float z[4 * kLanes];
  for (std::uint64_t step = 0; step < kDraws; ++step) {
    fill_normals(best_instruction_set(), {8, Use::toy_noise, 0, step}, kLanes, z);
    for (const float value : z) {
      double power = 1.0;
      for (double& sum : power_sum) sum += power *= value;
      for (int sigma = 1; sigma <= 4; ++sigma) beyond[sigma] += std::abs(value) > static_cast<float>(sigma);
    }
  }
  const double n = 4.0 * kLanes * kDraws;                                                      // 1.7e7
  const double moment[7] = {1, 0, 1, 0, 3, 0, 15}, twice[7] = {1, 1, 3, 15, 105, 945, 10395};  // E z^p, E z^2p
  for (int p = 1; p <= 6; ++p) {
    const double standard_error = std::sqrt((twice[p] - moment[p] * moment[p]) / n);
    EXPECT_NEAR(power_sum[p - 1] / n, moment[p], 4 * standard_error) << "power " << p;
  }
  for (int sigma = 1; sigma <= 4; ++sigma) {
    const double probability = std::erfc(sigma / std::sqrt(2.0));
    EXPECT_NEAR(static_cast<double>(beyond[sigma]) / n, probability, 4 * std::sqrt(probability / n)) << sigma;
  }
}

}  // namespace
}  // namespace quasar
