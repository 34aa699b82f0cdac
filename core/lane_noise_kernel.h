#pragma once

#include <cstdint>

#include "core/random.h"
#include "core/register_pair.h"

namespace quasar {

// Each in a file of its own that is compiled for its instruction set; callers ask fill_normals() and fill_words().
namespace lane_noise_v3 {
void fill_normals(const Draw& first, int count, float* z);
void fill_words(const Draw& first, int count, std::uint32_t* w);
}  // namespace lane_noise_v3
namespace lane_noise_v4 {
void fill_normals(const Draw& first, int count, float* z);
void fill_words(const Draw& first, int count, std::uint32_t* w);
}  // namespace lane_noise_v4

/// The arithmetic of random.h on registers. A type Simd names them: Floats and Integers of kLanes 32-bit lanes each, with
/// the operations used below. Two registers are worked on together.
///
/// Everything is always_inline: no code for AVX escapes into functions that other files share.
template <class Simd>
struct NoiseInRegisters {
  using Floats = typename Simd::Floats;
  using Integers = typename Simd::Integers;
  static constexpr int kStride = 2 * Simd::kLanes;

  /// What all draws share that differ in their replica alone.
  ///
  /// Of the first three rounds of Philox only what depends on the replica is left: 16 of 20 products.
  struct Shared {
    Integers a1, c1, a2, c2, d2;  ///< parts of the named words after rounds 1 and 2
    Integers key0[7], key1[7];    ///< of rounds 3 to 9

    QUASAR_HD explicit Shared(const Draw& draw) {
      constexpr std::uint64_t kLow32 = 0xFFFFFFFFu;
      auto k0 = static_cast<std::uint32_t>(draw.seed), k1 = static_cast<std::uint32_t>(draw.seed >> 32);
      const auto next_keys = [&] {
        k0 += detail::kPhiloxWeyl0;
        k1 += detail::kPhiloxWeyl1;
      };
      // Round 0 of (c0, replica, c2, c3): a = replica ^ a1, and b, c, d are the same in all lanes.
      const Words counter = detail::philox_counter(draw);
      const std::uint64_t p0 = detail::kPhiloxMultiplier0 * counter.w[0],
                          p1 = detail::kPhiloxMultiplier1 * counter.w[2];
      a1 = Simd::all64((p1 >> 32) ^ k0);
      const std::uint64_t b = p1 & kLow32, c = (p0 >> 32) ^ counter.w[3] ^ k1, d = p0 & kLow32;
      next_keys();
      // Round 1: a and b are the same in all lanes, c = high(M0 a) ^ c1, d = low(M0 a).
      const std::uint64_t q1 = detail::kPhiloxMultiplier1 * c;
      c1 = Simd::all64(d ^ k1);
      const std::uint64_t a = (q1 >> 32) ^ b ^ k0;
      next_keys();
      // Round 2: a = high(M1 c) ^ a2, b = low(M1 c), c = d ^ c2, and d2 is the same in all lanes.
      const std::uint64_t q0 = detail::kPhiloxMultiplier0 * a;
      a2 = Simd::all64((q1 & kLow32) ^ k0);
      c2 = Simd::all64((q0 >> 32) ^ k1);
      d2 = Simd::all64(q0);
      for (int round = 0; round < 7; ++round) {
        next_keys();
        key0[round] = Simd::all64(k0);
        key1[round] = Simd::all64(k1);
      }
    }
  };

  /// words() of kStride draws. A lane of 64 bits works on one draw: a product of 32 x 32 bits needs no shuffle.
  QUASAR_HD static void words(const Shared& shared, std::uint32_t first_replica, Pair<Integers> (&out)[4]) {
    const Integers m0 = Simd::all64(detail::kPhiloxMultiplier0), m1 = Simd::all64(detail::kPhiloxMultiplier1);
    Integers a[4], b[4], c[4], d[4];  // of the even and odd lanes of the one register, and of the other
#pragma GCC unroll 4
    for (int h = 0; h < 4; ++h) {
      const Integers replicas = Simd::counting_from(first_replica + static_cast<std::uint32_t>(h / 2 * Simd::kLanes));
      const Integers own = Simd::exclusive_or(h % 2 ? Simd::high(replicas) : replicas, shared.a1);
      const Integers low0 = Simd::product_of_low(own, m0);
      const Integers low1 = Simd::product_of_low(Simd::exclusive_or(Simd::high(low0), shared.c1), m1);
      a[h] = Simd::exclusive_or(Simd::high(low1), shared.a2);
      b[h] = low1;
      c[h] = Simd::exclusive_or(low0, shared.c2);
      d[h] = shared.d2;
    }
#pragma GCC unroll 7
    for (int round = 0; round < 7; ++round) {
#pragma GCC unroll 4
      for (int h = 0; h < 4; ++h) {
        const Integers low0 = Simd::product_of_low(a[h], m0), low1 = Simd::product_of_low(c[h], m1);
        a[h] = Simd::exclusive_or(Simd::high(low1), b[h], shared.key0[round]);
        c[h] = Simd::exclusive_or(Simd::high(low0), d[h], shared.key1[round]);
        b[h] = low1;
        d[h] = low0;
      }
    }
    out[0] = {Simd::interleave(a[0], a[1]), Simd::interleave(a[2], a[3])};
    out[1] = {Simd::interleave(b[0], b[1]), Simd::interleave(b[2], b[3])};
    out[2] = {Simd::interleave(c[0], c[1]), Simd::interleave(c[2], c[3])};
    out[3] = {Simd::interleave(d[0], d[1]), Simd::interleave(d[2], d[3])};
  }

  template <class T, class Register>
  QUASAR_HD static void store(T* to, const Pair<Register>& pair) {
    Simd::store(to, pair.first);
    Simd::store(to + Simd::kLanes, pair.second);
  }
  QUASAR_HD static Pair<Integers> load(const std::uint32_t* from) {
    return {Simd::load(from), Simd::load(from + Simd::kLanes)};
  }

  QUASAR_HD static void fill_words(const Draw& first, int count, std::uint32_t* w) {
    const Shared shared(first);
    for (int lane = 0; lane < count; lane += kStride) {
      Pair<Integers> bits[4];
      words(shared, first.replica + static_cast<std::uint32_t>(lane), bits);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) store(w + i * count + lane, bits[i]);
    }
  }

  /// All words first: with Box-Muller between, neither would find its registers.
  QUASAR_HD static void fill_normals(const Draw& first, int count, float* z) {
    constexpr int kMost = 64;
    alignas(64) std::uint32_t bits[4 * kMost];
    for (int done = 0; done < count; done += kMost) {
      const int lanes = count - done < kMost ? count - done : kMost;
      Draw draw = first;
      draw.replica += static_cast<std::uint32_t>(done);
      fill_words(draw, lanes, bits);
      for (int pair = 0; pair < 2; ++pair)
        for (int lane = 0; lane < lanes; lane += kStride) {
          const std::uint32_t* from = bits + 2 * pair * lanes + lane;
          Pair<Floats> z0, z1;
          box_muller(load(from), load(from + lanes), z0, z1);
          float* to = z + 2 * pair * count + done + lane;
          store(to, z0);
          store(to + count, z1);
        }
    }
  }
};

}  // namespace quasar
