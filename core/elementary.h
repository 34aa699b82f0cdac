#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/host_device.h"

/// Elementary functions as explicit fma polynomials: libm's differ between devices, these give the same bits on all.
namespace quasar {

QUASAR_HD float fused_multiply_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
QUASAR_HD double fused_multiply_add(double a, double b, double c) { return __builtin_fma(a, b, c); }

template <class To, class From>
QUASAR_HD To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof(To));
  return to;
}

/// What the functions below need of a number besides + - *; lane_noise_kernel.h has the same for whole registers.
QUASAR_HD float square_root(float x) { return __builtin_sqrtf(x); }
QUASAR_HD double square_root(double x) { return __builtin_sqrt(x); }
QUASAR_HD float positive_part(float x) { return x > 0.0f ? x : 0.0f; }
QUASAR_HD std::uint32_t bits_of(float x) { return bits_as<std::uint32_t>(x); }
QUASAR_HD float float_of_bits(std::uint32_t word) { return bits_as<float>(word); }
QUASAR_HD float float_of_unsigned(std::uint32_t word) { return static_cast<float>(word); }
QUASAR_HD float float_of_signed(std::uint32_t word) { return static_cast<float>(static_cast<std::int32_t>(word)); }
template <int Bits>
QUASAR_HD std::uint32_t shifted_left(std::uint32_t word) {
  return word << Bits;
}
template <int Bits>
QUASAR_HD std::uint32_t shifted_right_signed(std::uint32_t word) {
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(word) >> Bits);
}
/// The one or the other number by a bit of a word, counted from the lowest, which is bit 0.
template <int Bit>
QUASAR_HD float choose_by_bit(std::uint32_t word, float if_set, float if_clear) {
  return (word >> Bit & 1u) != 0 ? if_set : if_clear;
}
/// In [1, 2), from the 23 low bits of a word.
QUASAR_HD float one_to_two(std::uint32_t word) { return bits_as<float>((word & 0x7fffffu) | 0x3f800000u); }
/// -x where the word's highest bit is set.
QUASAR_HD float negate_by_top_bit(float x, std::uint32_t word) {
  return bits_as<float>(bits_of(x) ^ (word & 0x80000000u));
}

QUASAR_HD double negate_by_top_bit(double x, std::uint64_t word) {
  return bits_as<double>(bits_as<std::uint64_t>(x) ^ (word & 0x8000000000000000u));
}
/// The unsigned integer as wide as a number.
template <class Real>
using WordOf = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;

/// About 1/sqrt(x) for normal x > 0, by multiplications alone: neither a root nor a division to wait for. The bits of x,
/// halved and taken from a constant, are a guess y with |y sqrt(x) - 1| < 0.036; y (c - d x y^2) has the least largest
/// error, 6.6e-4.
QUASAR_HD float rough_reciprocal_square_root(float x) {
  const float guess = float_of_bits(0x5f202000u - (bits_of(x) >> 1));
  return guess * fused_multiply_add(-0.70257846f * x, guess * guess, 1.68081927f);
}
/// 1/sqrt(x) for normal x > 0, relative error below 2e-7 (float) and 3e-16 (double); nan gives nan, 0 a finite number or
/// infinity. A step of third order from the rough one: e = 1 - x y^2, y (1 + e/2 + 3 e^2/8) leaves 1e-9 and rounding.
QUASAR_HD float fast_reciprocal_square_root(float x) {
  const float y = rough_reciprocal_square_root(x), e = fused_multiply_add(-x * y, y, 1.0f);
  return fused_multiply_add(y, e * fused_multiply_add(0.375f, e, 0.5f), y);
}
QUASAR_HD double fast_reciprocal_square_root(double x) { return 1.0 / square_root(x); }
/// sqrt(x) for x = 0 or normal x > 0, relative error below 2e-7 (float); by the same steps, times x. Where x is a little
/// below 0, as rounding may leave it, the root is 0 or as good as 0.
QUASAR_HD float fast_square_root(float x) {
  const float y = rough_reciprocal_square_root(x), root = x * y, e = fused_multiply_add(-root, y, 1.0f);
  return fused_multiply_add(root, e * fused_multiply_add(0.375f, e, 0.5f), root);
}
QUASAR_HD double fast_square_root(double x) { return square_root(x < 0.0 ? 0.0 : x); }

/// -2 ln u for u in (0, 1], relative error below 2e-7: -2 ln(1 + t) = t (-2 + t (1 + t p(t))) on [sqrt(1/2), sqrt(2)) with
/// the p of degree 6 whose largest relative error, 3.2e-8, is least.
template <class Float>
QUASAR_HD Float minus_two_log_of_unit_interval(Float u) {
  const auto bits = bits_of(u);
  using Word = decltype(bits_of(u));
  const Word exponent = shifted_right_signed<23>(bits - Word(0x3f3504f3u));
  const Float t = float_of_bits(bits - shifted_left<23>(exponent)) - Float(1.0f);
  Float p = Float(-1.7400871830e-1f);
  p = fused_multiply_add(p, t, Float(2.8534973941e-1f));
  p = fused_multiply_add(p, t, Float(-2.9829535754e-1f));
  p = fused_multiply_add(p, t, Float(3.3155169346e-1f));
  p = fused_multiply_add(p, t, Float(-3.9926127608e-1f));
  p = fused_multiply_add(p, t, Float(5.0002674075e-1f));
  p = fused_multiply_add(p, t, Float(-6.6667821474e-1f));
  p = fused_multiply_add(p, t, Float(1.0f));
  p = fused_multiply_add(p, t, Float(-2.0f));
  return fused_multiply_add(float_of_signed(exponent), Float(-1.38629436112f), p * t);
}

/// sin(pi a/2) and cos(pi a/2) for |a| <= 1/2, absolute error below 1.2e-7: the polynomials with the least largest error.
template <class Float>
QUASAR_HD void sincos_of_quarter_turns(Float a, Float& sine, Float& cosine) {
  const Float q = a * a;
  Float s = fused_multiply_add(Float(-4.5922864423e-3f), q, Float(7.9675901988e-2f));
  s = fused_multiply_add(s, q, Float(-6.4596293807e-1f));
  sine = fused_multiply_add(s, q, Float(1.5707963051f)) * a;
  Float c = fused_multiply_add(Float(-2.0426233630e-2f), q, Float(2.5360635711e-1f));
  c = fused_multiply_add(c, q, Float(-1.2336979537f));
  cosine = fused_multiply_add(c, q, Float(1.0f));
}

/// sin x and cos x for |x| <= 1e4, absolute error below 1.5e-7.
QUASAR_HD void sine_cosine(float x, float& sine, float& cosine) {
  constexpr float kRoundToInteger = 12582912.0f;  // 1.5 * 2^23
  const float shifted = fused_multiply_add(x, 0.636619772f, kRoundToInteger);
  const float n = shifted - kRoundToInteger;
  float r = fused_multiply_add(n, -1.57079637f, x);  // pi/2 in two parts
  r = fused_multiply_add(n, 4.37113883e-8f, r);
  float s, c;
  sincos_of_quarter_turns(r * 0.636619772f, s, c);
  const auto quadrant = bits_as<std::uint32_t>(shifted);
  sine = quadrant & 1u ? c : s;
  cosine = quadrant & 1u ? s : c;
  sine = quadrant & 2u ? -sine : sine;
  cosine = (quadrant + 1u) & 2u ? -cosine : cosine;
}

/// sin x and cos x for |x| <= 1e6, absolute error below 3e-16.
QUASAR_HD void sine_cosine(double x, double& sine, double& cosine) {
  constexpr double kRoundToInteger = 6755399441055744.0;  // 1.5 * 2^52
  const double shifted = fused_multiply_add(x, 0.63661977236758134, kRoundToInteger);
  const double n = shifted - kRoundToInteger;
  double r = fused_multiply_add(n, -1.5707963267948966, x);  // pi/2 in two parts
  r = fused_multiply_add(n, -6.123233995736766e-17, r);
  const double q = r * r;
  double s = 1.58969099521155010221e-10;  // both polynomials: fdlibm, |r| <= pi/4
  s = fused_multiply_add(s, q, -2.50507602534068634195e-8);
  s = fused_multiply_add(s, q, 2.75573137070700676789e-6);
  s = fused_multiply_add(s, q, -1.98412698298579493134e-4);
  s = fused_multiply_add(s, q, 8.33333333332248946124e-3);
  s = fused_multiply_add(s, q, -1.66666666666666324348e-1);
  s = fused_multiply_add(s * q, r, r);
  double c = -1.13596475577881948265e-11;
  c = fused_multiply_add(c, q, 2.08757232129817482790e-9);
  c = fused_multiply_add(c, q, -2.75573143513906633035e-7);
  c = fused_multiply_add(c, q, 2.48015872894767294178e-5);
  c = fused_multiply_add(c, q, -1.38888888888741095749e-3);
  c = fused_multiply_add(c, q, 4.16666666666666019037e-2);
  c = fused_multiply_add(c, q * q, fused_multiply_add(-0.5, q, 1.0));
  const auto quadrant = bits_as<std::uint64_t>(shifted);
  sine = quadrant & 1u ? c : s;
  cosine = quadrant & 1u ? s : c;
  sine = quadrant & 2u ? -sine : sine;
  cosine = (quadrant + 1u) & 2u ? -cosine : cosine;
}

/// e^x, relative error below 2e-15; x is clamped to [-700, 700].
QUASAR_HD double exponential(double x) {
  x = x > 700.0 ? 700.0 : x;
  x = x < -700.0 ? -700.0 : x;
  constexpr double kRoundToInteger = 6755399441055744.0;  // 1.5 * 2^52: adding it leaves round(y) in the low bits
  const double shifted = fused_multiply_add(x, 1.4426950408889634, kRoundToInteger);
  const double n = shifted - kRoundToInteger;
  double r = fused_multiply_add(n, -0.69314718036912382, x);  // ln 2 in two parts (fdlibm)
  r = fused_multiply_add(n, -1.9082149292705877e-10, r);
  double p = 1.0 / 6227020800.0;  // Taylor to 13!: |r| < 0.347
  p = fused_multiply_add(p, r, 1.0 / 479001600.0);
  p = fused_multiply_add(p, r, 1.0 / 39916800.0);
  p = fused_multiply_add(p, r, 1.0 / 3628800.0);
  p = fused_multiply_add(p, r, 1.0 / 362880.0);
  p = fused_multiply_add(p, r, 1.0 / 40320.0);
  p = fused_multiply_add(p, r, 1.0 / 5040.0);
  p = fused_multiply_add(p, r, 1.0 / 720.0);
  p = fused_multiply_add(p, r, 1.0 / 120.0);
  p = fused_multiply_add(p, r, 1.0 / 24.0);
  p = fused_multiply_add(p, r, 1.0 / 6.0);
  p = fused_multiply_add(p, r, 0.5);
  p = fused_multiply_add(p, r, 1.0);
  p = fused_multiply_add(p, r, 1.0);
  const std::int64_t power = bits_as<std::int64_t>(shifted) << 52;
  return bits_as<double>(bits_as<std::int64_t>(p) + power);
}

/// e^x, relative error below 2e-7; x is clamped to [-87, 88].
QUASAR_HD float exponential(float x) {
  x = x > 88.0f ? 88.0f : x;
  x = x < -87.0f ? -87.0f : x;
  constexpr float kRoundToInteger = 12582912.0f;  // 1.5 * 2^23
  const float shifted = fused_multiply_add(x, 1.44269504f, kRoundToInteger);
  const float n = shifted - kRoundToInteger;
  float r = fused_multiply_add(n, -0.693359375f, x);
  r = fused_multiply_add(n, 2.12194440e-4f, r);
  float p = 1.0f / 5040.0f;
  p = fused_multiply_add(p, r, 1.0f / 720.0f);
  p = fused_multiply_add(p, r, 1.0f / 120.0f);
  p = fused_multiply_add(p, r, 1.0f / 24.0f);
  p = fused_multiply_add(p, r, 1.0f / 6.0f);
  p = fused_multiply_add(p, r, 0.5f);
  p = fused_multiply_add(p, r, 1.0f);
  p = fused_multiply_add(p, r, 1.0f);
  const std::uint32_t power = bits_as<std::uint32_t>(shifted) << 23;
  return bits_as<float>(bits_as<std::uint32_t>(p) + power);
}

/// tanh x, absolute error below 2e-7 (float) and 4e-16 (double).
template <class Real>
QUASAR_HD Real hyperbolic_tangent(Real x) {
  return Real(1) - Real(2) / (exponential(Real(2) * x) + Real(1));
}

}  // namespace quasar
