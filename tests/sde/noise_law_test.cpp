#include "sde/noise_law.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/estimate.h"

namespace quasar {
namespace {

TEST(NoiseLaw, DrawsHaveTheMomentsThatTheLawClaims) {
  constexpr int kDraws = 100000;
  for (const auto law : {NoiseLaw::gaussian, NoiseLaw::two_point, NoiseLaw::three_point})
    for (int power = 1; power <= 5; ++power) {
      RunningMoments moments;
      for (int step = 0; step < kDraws; ++step)
        moments.add(std::pow(draw_step_noise<2>(law, 5, 3, step).increments[1], power));
      const bool matched = power <= 3 || law != NoiseLaw::two_point;
      const double fourth = matched ? 3.0 : 1.0;
      const double expected = power % 2 == 1 ? 0.0 : power == 2 ? 1.0 : fourth;
      EXPECT_NEAR(moments.mean(), expected, 4 * moments.estimate().standard_error + 1e-12)
          << power << " of law " << static_cast<int>(law);
    }
}

TEST(NoiseLaw, AreaSignsAreFairAntisymmetricAndIndependentOfTheIncrements) {
  RunningMoments mean, product, pair;
  for (int step = 0; step < 20000; ++step) {
    const auto noise = draw_step_noise<20>(NoiseLaw::two_point, 5, 0, step);  // 190 signs: two draws
    EXPECT_EQ(noise.area_signs, -noise.area_signs.transpose());
    mean.add(noise.area_signs(18, 19));
    product.add(noise.area_signs(0, 1) * noise.increments[0] * noise.increments[1]);
    pair.add(noise.area_signs(0, 1) * noise.area_signs(18, 19));
  }
  for (const auto& moments : {mean, product, pair}) EXPECT_NEAR(moments.mean(), 0.0, 4 / std::sqrt(20000.0));
}

TEST(NoiseLaw, NormalIncrementsAreThoseOfTheNamedDraw) {
  float z[4];
  normals({7, Use::sde_noise, 2, 9, 1}, z);
  EXPECT_EQ(draw_step_noise<6>(NoiseLaw::gaussian, 7, 2, 9).increments[5], static_cast<double>(z[1]));
}

}  // namespace
}  // namespace quasar
