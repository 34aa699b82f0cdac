// Compiled for AVX-512 (core/CMakeLists.txt).
#if defined(__x86_64__)

#include <immintrin.h>

#include "core/lane_noise_kernel.h"

namespace quasar {
namespace {

struct Integers {
  __m512i v;
  QUASAR_HD Integers() {}
  QUASAR_HD Integers(__m512i register_) : v(register_) {}
  QUASAR_HD explicit Integers(std::uint32_t word) : v(_mm512_set1_epi32(static_cast<int>(word))) {}
  QUASAR_HD friend Integers operator-(Integers a, Integers b) { return _mm512_sub_epi32(a.v, b.v); }
};

struct Floats {
  __m512 v;
  QUASAR_HD Floats() {}
  QUASAR_HD Floats(__m512 register_) : v(register_) {}
  QUASAR_HD explicit Floats(float number) : v(_mm512_set1_ps(number)) {}
  QUASAR_HD friend Floats operator-(Floats a, Floats b) { return _mm512_sub_ps(a.v, b.v); }
  QUASAR_HD friend Floats operator*(Floats a, Floats b) { return _mm512_mul_ps(a.v, b.v); }
};

QUASAR_HD Floats fused_multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a.v, b.v, c.v); }
QUASAR_HD Floats square_root(Floats x) { return _mm512_sqrt_ps(x.v); }
QUASAR_HD Floats positive_part(Floats x) { return _mm512_max_ps(x.v, _mm512_setzero_ps()); }
QUASAR_HD Integers bits_of(Floats x) { return _mm512_castps_si512(x.v); }
QUASAR_HD Floats float_of_bits(Integers words) { return _mm512_castsi512_ps(words.v); }
QUASAR_HD Floats float_of_unsigned(Integers words) { return _mm512_cvtepu32_ps(words.v); }
QUASAR_HD Floats float_of_signed(Integers words) { return _mm512_cvtepi32_ps(words.v); }
template <int Bits>
QUASAR_HD Integers shifted_left(Integers words) {
  return _mm512_slli_epi32(words.v, Bits);
}
template <int Bits>
QUASAR_HD Integers shifted_right_signed(Integers words) {
  return _mm512_srai_epi32(words.v, Bits);
}
template <int Bit>
QUASAR_HD Floats choose_by_bit(Integers words, Floats if_set, Floats if_clear) {
  return _mm512_mask_blend_ps(_mm512_test_epi32_mask(words.v, _mm512_set1_epi32(1 << Bit)), if_clear.v, if_set.v);
}
QUASAR_HD Floats one_to_two(Integers words) {
  const __m512i low_23_bits = _mm512_set1_epi32(0x7fffff), one = _mm512_set1_epi32(0x3f800000);
  return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(words.v, low_23_bits, one, 0xEA));  // (w & l) | o
}
QUASAR_HD Floats negate_by_top_bit(Floats x, Integers words) {
  const __m512i top_bit = _mm512_set1_epi32(static_cast<int>(0x80000000u));
  return _mm512_castsi512_ps(
      _mm512_ternarylogic_epi32(_mm512_castps_si512(x.v), words.v, top_bit, 0x78));  // x ^ (w & t)
}

struct Avx512 {
  using Floats = quasar::Floats;
  using Integers = quasar::Integers;
  static constexpr int kLanes = 16;
  QUASAR_HD static Integers all64(std::uint64_t word) { return _mm512_set1_epi64(static_cast<long long>(word)); }
  QUASAR_HD static Integers product_of_low(Integers a, Integers b) { return _mm512_mul_epu32(a.v, b.v); }
  QUASAR_HD static Integers high(Integers a) { return _mm512_srli_epi64(a.v, 32); }
  QUASAR_HD static Integers exclusive_or(Integers a, Integers b) { return _mm512_xor_si512(a.v, b.v); }
  QUASAR_HD static Integers exclusive_or(Integers a, Integers b, Integers c) {
    return _mm512_ternarylogic_epi64(a.v, b.v, c.v, 0x96);
  }
  QUASAR_HD static Integers counting_from(std::uint32_t first) {
    const __m512i counting = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    return _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(first)), counting);
  }
  /// The low words of both, alternating.
  QUASAR_HD static Integers interleave(Integers even, Integers odd) {
    return _mm512_mask_shuffle_epi32(even.v, 0xAAAA, odd.v, _MM_PERM_CCAA);
  }
  QUASAR_HD static Integers load(const std::uint32_t* from) { return _mm512_loadu_si512(from); }
  QUASAR_HD static void store(float* to, Floats x) { _mm512_storeu_ps(to, x.v); }
  QUASAR_HD static void store(std::uint32_t* to, Integers x) { _mm512_storeu_si512(to, x.v); }
};

}  // namespace

namespace lane_noise_v4 {

void fill_normals(const Draw& first, int count, float* z) { NoiseInRegisters<Avx512>::fill_normals(first, count, z); }
void fill_words(const Draw& first, int count, std::uint32_t* w) {
  NoiseInRegisters<Avx512>::fill_words(first, count, w);
}

}  // namespace lane_noise_v4
}  // namespace quasar

#endif
