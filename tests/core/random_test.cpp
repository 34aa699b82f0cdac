#include "core/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numbers>
#include <set>

#if __has_include(<Random123/philox.h>)
#include <Random123/philox.h>
#endif

namespace quasar {
namespace {

struct KnownAnswer {
  std::uint32_t counter[4], key[2], words[4];
};

// Random123 1.14, examples/kat_vectors, "philox4x32 10".
constexpr KnownAnswer kKnownAnswers[] = {{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
                                         {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                                          {0xffffffff, 0xffffffff},
                                          {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
                                         {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                                          {0xa4093822, 0x299f31d0},
                                          {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};

TEST(Philox, GivesTheKnownAnswersOfRandom123) {
  for (const auto& [c, k, expected] : kKnownAnswers) {
    const Words words = philox4x32_10(c[0], c[1], c[2], c[3], k[0], k[1]);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(words.w[i], expected[i]);
  }
}

TEST(UniformBelow, TwoWordsGiveTheHighPartOfTheirProductWithTheBound) {
  EXPECT_EQ(uniform_below(0xffffffff, 0xffffffff, 0xffffffff), 0xfffffffeu);
  EXPECT_EQ(uniform_below(0, 0xffffffff, 0xffffffff), 0u);
  // 3 * 0x5555555555555555 is 2^64 - 1, one unit more is 2^64 + 2: only the low word tells them apart.
  EXPECT_EQ(uniform_below(0x55555555, 0x55555555, 3), 0u);
  EXPECT_EQ(uniform_below(0x55555555, 0x55555556, 3), 1u);
}

TEST(UnitInterval, HasFiftyThreeBitsAndNeverReachesOne) {
  EXPECT_EQ(unit_interval(0xffffffff, 0xffffffff), 1.0 - 0x1p-53);
  EXPECT_EQ(unit_interval(0x80000000, 0x800), 0.5 + 0x1p-53);
  EXPECT_EQ(unit_interval(0, 0x7ff), 0.0);
}

TEST(Philox, EqualsRandom123OnManyDraws) {
#if __has_include(<Random123/philox.h>)
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    const Draw draw{0x0123456789abcdefull * (i + 1), Use::sde_noise, i * 2654435761u,
                    (std::uint64_t{i} << 33) + i,    i % 65536,      i};
    const Words ours = words(draw);
    const auto step_low = static_cast<std::uint32_t>(draw.step),
               step_high = static_cast<std::uint32_t>(draw.step >> 32);
    const r123::Philox4x32 generator;
    const auto theirs =
        generator({{step_low, draw.replica, step_high << 16 | draw.lane, 2u << 24 | draw.index}},
                  {{static_cast<std::uint32_t>(draw.seed), static_cast<std::uint32_t>(draw.seed >> 32)}});
    for (std::size_t j = 0; j < 4; ++j) ASSERT_EQ(ours.w[j], theirs[j]) << "draw " << i;
  }
#else
  GTEST_SKIP() << "Random123 is not installed (Debian: librandom123-dev)";
#endif
}

TEST(NamedDraw, EveryPartOfTheNameChangesTheBits) {
  const Draw base{7, Use::toy_noise, 1, 2, 3, 4};
  std::set<std::uint32_t> first_words{words(base).w[0]};
  const auto differs = [&](auto change) {
    Draw draw = base;
    change(draw);
    return first_words.insert(words(draw).w[0]).second;
  };
  EXPECT_TRUE(differs([](Draw& d) { d.seed += 1; }));
  EXPECT_TRUE(differs([](Draw& d) { d.seed += std::uint64_t{1} << 32; }));
  EXPECT_TRUE(differs([](Draw& d) { d.use = Use::sde_noise; }));
  EXPECT_TRUE(differs([](Draw& d) { d.replica += 1; }));
  EXPECT_TRUE(differs([](Draw& d) { d.step += 1; }));
  EXPECT_TRUE(differs([](Draw& d) { d.step += std::uint64_t{1} << 32; }));
  EXPECT_TRUE(differs([](Draw& d) { d.step += std::uint64_t{1} << 47; }));
  EXPECT_TRUE(differs([](Draw& d) { d.lane += 1; }));
  EXPECT_TRUE(differs([](Draw& d) { d.index += 1; }));
}

TEST(Normals, HaveTheMomentsOfIndependentStandardNormals) {
  constexpr int kDraws = 250'000;
  std::array<double, 6> power_sum{};
  double product_sum[4][4] = {};
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    float z[4];
    normals({1, Use::toy_noise, i, 0}, z);
    for (int a = 0; a < 4; ++a) {
      double power = 1.0;
      for (double& sum : power_sum) sum += power *= z[a];
      for (int b = 0; b < a; ++b) product_sum[a][b] += static_cast<double>(z[a]) * z[b];
    }
  }
  const double n = 4.0 * kDraws;
  const double moment[7] = {1, 0, 1, 0, 3, 0, 15}, twice[7] = {1, 1, 3, 15, 105, 945, 10395};  // E z^p, E z^2p
  for (std::size_t p = 1; p <= 6; ++p) {
    const double standard_error = std::sqrt((twice[p] - moment[p] * moment[p]) / n);
    EXPECT_NEAR(power_sum[p - 1] / n, moment[p], 4 * standard_error) << "power " << p << ", s.e. " << standard_error;
  }
  for (int a = 0; a < 4; ++a)
    for (int b = 0; b < a; ++b) EXPECT_NEAR(product_sum[a][b] / kDraws, 0.0, 4 / std::sqrt(kDraws)) << a << " " << b;
}

TEST(BoxMuller, IsTheTextbookFormulaOfItsTwoWords) {
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const Words bits = words({3, Use::toy_noise, i, 0});
    float z0, z1;
    box_muller(bits.w[0], bits.w[1], z0, z1);
    const double radius = std::sqrt(-2.0 * std::log((bits.w[0] + 0.5) / 4294967296.0));
    EXPECT_NEAR(std::hypot(z0, z1), radius, 3e-6 * radius + 2e-7 / radius);  // u has 24 bits
  }
  float z0, z1;
  box_muller(0u, 0u, z0, z1);  // the longest radius there is
  EXPECT_NEAR(std::hypot(z0, z1), std::sqrt(66.0 * std::log(2.0)), 1e-5);
  box_muller(0xffffffffu, 0u, z0, z1);  // u rounds to 1
  EXPECT_EQ(z0, 0.0f);
}

TEST(BoxMuller, TakesTheDirectionFromTheOctantAndTheAngleInIt) {
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const std::uint32_t word = words({4, Use::toy_noise, i, 0}).w[0];
    float z0, z1;
    box_muller(0u, word, z0, z1);
    const double angle = std::numbers::pi / 2 * ((word & 0x7fffffu) / 8388608.0 - 0.5), radius = std::hypot(z0, z1);
    const bool swapped = (word >> 29 & 1u) != 0;
    const double first = swapped ? std::cos(angle) : std::sin(angle),
                 second = swapped ? std::sin(angle) : std::cos(angle);
    EXPECT_NEAR(z0 / radius, (word >> 31) != 0 ? -first : first, 2e-7);
    EXPECT_NEAR(z1 / radius, (word >> 30 & 1u) != 0 ? -second : second, 2e-7);
  }
}

TEST(UniformBelow, StaysBelowTheBoundAndReachesEveryValue) {
  std::set<std::uint32_t> seen;
  for (std::uint32_t i = 0; i < 1000; ++i) seen.insert(uniform_below(words({5, Use::sample_choice, i, 0}).w[0], 10));
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_EQ(*seen.rbegin(), 9u);
  EXPECT_EQ(uniform_below(0xffffffffu, 3), 2u);
}

TEST(Elementary, ExponentialAndLogarithmKeepTheirStatedAccuracy) {
  for (double x = -699.0; x < 700.0; x += 0.37) EXPECT_NEAR(exponential(x) / std::exp(x), 1.0, 2e-15) << x;
  for (float x = -86.0f; x < 88.0f; x += 0.11f) EXPECT_NEAR(exponential(x) / std::exp(double{x}), 1.0, 2e-7) << x;
  for (float u = 1e-10f; u < 0.999f; u *= 1.01f)
    EXPECT_NEAR(minus_two_log_of_unit_interval(u) / (-2.0 * std::log(double{u})), 1.0, 2e-7) << u;
  EXPECT_EQ(minus_two_log_of_unit_interval(1.0f), 0.0f);
}

}  // namespace
}  // namespace quasar
