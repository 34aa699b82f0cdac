#pragma once

#include <cstdint>

#include "core/elementary.h"
#include "core/host_device.h"

namespace quasar {

/// Every use of randomness has its own number, so that no two uses can be correlated.
enum class Use : std::uint32_t {
  toy_noise = 1,
  sde_noise = 2,
  network_start = 3,
  sample_choice = 4,
  label_noise = 5,
  procedural_images = 6,
  sample_order = 7,
  augmentation = 8,
  label_flip = 9,
  mixup = 10,
  closed_form_paths = 11,
  toy_signs = 12,
  photo_crop = 13,
  rand_augment = 14,
  procedural_tokens = 15
};

/// The name of a draw: the same name gives the same bits on every device, thread count and restart.
struct Draw {
  std::uint64_t seed;
  Use use;
  std::uint32_t replica;    ///< independent copy of the experiment
  std::uint64_t step;       ///< below 2^48
  std::uint32_t lane = 0;   ///< worker, or component of the noise; below 2^16
  std::uint32_t index = 0;  ///< block of four words within the draw; below 2^24
};

/// Four independent uniform 32-bit words.
struct Words {
  std::uint32_t w[4];
};

namespace detail {

inline constexpr std::uint64_t kPhiloxMultiplier0 = 0xD2511F53u, kPhiloxMultiplier1 = 0xCD9E8D57u;
inline constexpr std::uint32_t kPhiloxWeyl0 = 0x9E3779B9u, kPhiloxWeyl1 = 0xBB67AE85u;

/// The counter that a draw's name is; the key is its seed.
QUASAR_HD Words philox_counter(const Draw& draw) {
  const auto step_low = static_cast<std::uint32_t>(draw.step);
  const auto step_high = static_cast<std::uint32_t>(draw.step >> 32);
  return {{step_low, draw.replica, (step_high << 16) | draw.lane,
           (static_cast<std::uint32_t>(draw.use) << 24) | draw.index}};
}

}  // namespace detail

/// Philox4x32-10 (Salmon et al., SC 2011), equal bit for bit to Random123's and cuRAND's.
///
/// cost  20 multiplications of 32 x 32 bits
QUASAR_HD Words philox4x32_10(std::uint32_t c0, std::uint32_t c1, std::uint32_t c2, std::uint32_t c3, std::uint32_t k0,
                              std::uint32_t k1) {
  constexpr std::uint64_t kLow32 = 0xFFFFFFFFu;
  std::uint64_t a0 = c0, a1 = c1, a2 = c2, a3 = c3;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = detail::kPhiloxMultiplier0 * (a0 & kLow32);
    const std::uint64_t p1 = detail::kPhiloxMultiplier1 * (a2 & kLow32);
    a0 = (p1 >> 32) ^ a1 ^ k0;
    a1 = p1;
    a2 = (p0 >> 32) ^ a3 ^ k1;
    a3 = p0;
    k0 += detail::kPhiloxWeyl0;
    k1 += detail::kPhiloxWeyl1;
  }
  return {{static_cast<std::uint32_t>(a0), static_cast<std::uint32_t>(a1), static_cast<std::uint32_t>(a2),
           static_cast<std::uint32_t>(a3)}};
}

/// The four words of a named draw.
///
/// Not checked: the bounds on step, lane and index (a draw beyond them repeats another one's bits).
QUASAR_HD Words words(const Draw& draw) {
  const Words counter = detail::philox_counter(draw);
  return philox4x32_10(counter.w[0], counter.w[1], counter.w[2], counter.w[3], static_cast<std::uint32_t>(draw.seed),
                       static_cast<std::uint32_t>(draw.seed >> 32));
}

/// Uniform integer in [0, bound) by a 32 x 32-bit product; its bias is below bound / 2^32.
QUASAR_HD std::uint32_t uniform_below(std::uint32_t word, std::uint32_t bound) {
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(word) * bound) >> 32);
}

/// The same from two words, for large bounds; its bias is below bound / 2^64.
QUASAR_HD std::uint32_t uniform_below(std::uint32_t high_word, std::uint32_t low_word, std::uint32_t bound) {
  const std::uint64_t high = static_cast<std::uint64_t>(high_word) * bound;
  const std::uint64_t low = static_cast<std::uint64_t>(low_word) * bound;
  return static_cast<std::uint32_t>((high + (low >> 32)) >> 32);
}

/// Uniform in [0, 1) with 53 bits from two words.
QUASAR_HD double unit_interval(std::uint32_t high_word, std::uint32_t low_word) {
  const std::uint64_t bits = (static_cast<std::uint64_t>(high_word) << 32 | low_word) >> 11;
  return static_cast<double>(bits) * 0x1p-53;
}

/// Two independent standard normals (float resolution, tails to 6.7 sigma) from two words.
///
///   z0 = sqrt(-2 ln u) cos(2 pi v),  z1 = sqrt(-2 ln u) sin(2 pi v)      Box and Muller 1958
///
/// u is a word in (0, 1]; the other word's top three bits choose the octant and its low 23 bits the angle in it.
/// On a float and its word, or on registers of them.
template <class Float, class Word>
QUASAR_HD void box_muller(Word radius_word, Word angle_word, Float& z0, Float& z1) {
  constexpr float kTwoToMinus32 = 2.3283064365e-10f;
  const Float u = fused_multiply_add(float_of_unsigned(radius_word), Float(kTwoToMinus32), Float(0.5f * kTwoToMinus32));
  const Float radius = square_root(positive_part(minus_two_log_of_unit_interval(u)));
  Float sine, cosine;
  sincos_of_quarter_turns(one_to_two(angle_word) - Float(1.5f), sine, cosine);
  const Float first = choose_by_bit<29>(angle_word, cosine, sine);
  const Float second = choose_by_bit<29>(angle_word, sine, cosine);
  z0 = negate_by_top_bit(radius * first, angle_word);
  z1 = negate_by_top_bit(radius * second, shifted_left<1>(angle_word));
}

/// The four standard normals of a named draw.
QUASAR_HD void normals(const Draw& draw, float z[4]) {
  const Words bits = words(draw);
  box_muller(bits.w[0], bits.w[1], z[0], z[1]);
  box_muller(bits.w[2], bits.w[3], z[2], z[3]);
}

}  // namespace quasar
