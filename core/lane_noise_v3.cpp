// Compiled for AVX2 and FMA (core/CMakeLists.txt).
#if defined(__x86_64__)

#include <immintrin.h>

#include "core/lane_noise_kernel.h"

namespace quasar {
namespace {

struct Integers {
  __m256i v;
  QUASAR_HD Integers() {}
  QUASAR_HD Integers(__m256i register_) : v(register_) {}
  QUASAR_HD explicit Integers(std::uint32_t word) : v(_mm256_set1_epi32(static_cast<int>(word))) {}
  QUASAR_HD friend Integers operator-(Integers a, Integers b) { return _mm256_sub_epi32(a.v, b.v); }
};

struct Floats {
  __m256 v;
  QUASAR_HD Floats() {}
  QUASAR_HD Floats(__m256 register_) : v(register_) {}
  QUASAR_HD explicit Floats(float number) : v(_mm256_set1_ps(number)) {}
  QUASAR_HD friend Floats operator-(Floats a, Floats b) { return _mm256_sub_ps(a.v, b.v); }
  QUASAR_HD friend Floats operator*(Floats a, Floats b) { return _mm256_mul_ps(a.v, b.v); }
};

QUASAR_HD Floats fused_multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a.v, b.v, c.v); }
QUASAR_HD Floats square_root(Floats x) { return _mm256_sqrt_ps(x.v); }
QUASAR_HD Floats positive_part(Floats x) { return _mm256_max_ps(x.v, _mm256_setzero_ps()); }
QUASAR_HD Integers bits_of(Floats x) { return _mm256_castps_si256(x.v); }
QUASAR_HD Floats float_of_bits(Integers words) { return _mm256_castsi256_ps(words.v); }
QUASAR_HD Floats float_of_signed(Integers words) { return _mm256_cvtepi32_ps(words.v); }
/// AVX2 converts signed words alone. high * 2^16 and low are exact, so that the one rounding is the sum's.
QUASAR_HD Floats float_of_unsigned(Integers words) {
  const Floats low = _mm256_cvtepi32_ps(_mm256_blend_epi16(words.v, _mm256_setzero_si256(), 0xAA));
  const Floats high = _mm256_cvtepi32_ps(_mm256_srli_epi32(words.v, 16));
  return fused_multiply_add(high, Floats(65536.0f), low);
}
template <int Bits>
QUASAR_HD Integers shifted_left(Integers words) {
  return _mm256_slli_epi32(words.v, Bits);
}
template <int Bits>
QUASAR_HD Integers shifted_right_signed(Integers words) {
  return _mm256_srai_epi32(words.v, Bits);
}
template <int Bit>
QUASAR_HD Floats choose_by_bit(Integers words, Floats if_set, Floats if_clear) {
  return _mm256_blendv_ps(if_clear.v, if_set.v, float_of_bits(shifted_left<31 - Bit>(words)).v);
}
QUASAR_HD Floats one_to_two(Integers words) {
  const __m256i low_23_bits = _mm256_set1_epi32(0x7fffff), one = _mm256_set1_epi32(0x3f800000);
  return _mm256_castsi256_ps(_mm256_or_si256(_mm256_and_si256(words.v, low_23_bits), one));
}
QUASAR_HD Floats negate_by_top_bit(Floats x, Integers words) {
  const __m256 top_bit = _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(0x80000000u)));
  return _mm256_xor_ps(x.v, _mm256_and_ps(float_of_bits(words).v, top_bit));
}

struct Avx2 {
  using Floats = quasar::Floats;
  using Integers = quasar::Integers;
  static constexpr int kLanes = 8;
  QUASAR_HD static Integers all64(std::uint64_t word) { return _mm256_set1_epi64x(static_cast<long long>(word)); }
  QUASAR_HD static Integers product_of_low(Integers a, Integers b) { return _mm256_mul_epu32(a.v, b.v); }
  QUASAR_HD static Integers high(Integers a) { return _mm256_srli_epi64(a.v, 32); }
  QUASAR_HD static Integers exclusive_or(Integers a, Integers b) { return _mm256_xor_si256(a.v, b.v); }
  QUASAR_HD static Integers exclusive_or(Integers a, Integers b, Integers c) {
    return _mm256_xor_si256(_mm256_xor_si256(b.v, c.v), a.v);  // a is known last
  }
  QUASAR_HD static Integers counting_from(std::uint32_t first) {
    const __m256i counting = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    return _mm256_add_epi32(_mm256_set1_epi32(static_cast<int>(first)), counting);
  }
  /// The low words of both, alternating.
  QUASAR_HD static Integers interleave(Integers even, Integers odd) {
    return _mm256_blend_epi32(even.v, _mm256_slli_epi64(odd.v, 32), 0xAA);
  }
  QUASAR_HD static Integers load(const std::uint32_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  QUASAR_HD static void store(float* to, Floats x) { _mm256_storeu_ps(to, x.v); }
  QUASAR_HD static void store(std::uint32_t* to, Integers x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), x.v);
  }
};

}  // namespace

namespace lane_noise_v3 {

void fill_normals(const Draw& first, int count, float* z) { NoiseInRegisters<Avx2>::fill_normals(first, count, z); }
void fill_words(const Draw& first, int count, std::uint32_t* w) { NoiseInRegisters<Avx2>::fill_words(first, count, w); }

}  // namespace lane_noise_v3
}  // namespace quasar

#endif
