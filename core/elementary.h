#pragma once

#include <cstdint>
#include <cstring>

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

/// ln u for u in (0, 1], relative error below 2e-7 (polynomial of degree 11 on [sqrt(1/2), sqrt(2))).
QUASAR_HD float log_of_unit_interval(float u) {
  const auto bits = bits_as<std::int32_t>(u);
  const std::int32_t exponent = (bits - 0x3f3504f3) >> 23;
  const float t = bits_as<float>(bits - exponent * (1 << 23)) - 1.0f;
  float p = 7.0376836292e-2f;
  p = fused_multiply_add(p, t, -1.1514610310e-1f);
  p = fused_multiply_add(p, t, 1.1676998740e-1f);
  p = fused_multiply_add(p, t, -1.2420140846e-1f);
  p = fused_multiply_add(p, t, 1.4249322787e-1f);
  p = fused_multiply_add(p, t, -1.6668057665e-1f);
  p = fused_multiply_add(p, t, 2.0000714765e-1f);
  p = fused_multiply_add(p, t, -2.4999993993e-1f);
  p = fused_multiply_add(p, t, 3.3333331174e-1f);
  const float t2 = t * t;
  const float log_mantissa = fused_multiply_add(t2 * t, p, fused_multiply_add(-0.5f, t2, t));
  return fused_multiply_add(static_cast<float>(exponent), 0.69314718056f, log_mantissa);
}

/// sin a and cos a for |a| <= pi/4, absolute error below 1e-7.
QUASAR_HD void sincos_of_octant(float a, float& sine, float& cosine) {
  const float q = a * a;
  float s = fused_multiply_add(-1.9515295891e-4f, q, 8.3321608736e-3f);
  s = fused_multiply_add(s, q, -1.6666654611e-1f);
  sine = fused_multiply_add(s * q, a, a);
  float c = fused_multiply_add(2.443315711809948e-5f, q, -1.388731625493765e-3f);
  c = fused_multiply_add(c, q, 4.166664568298827e-2f);
  cosine = fused_multiply_add(c, q * q, fused_multiply_add(-0.5f, q, 1.0f));
}

/// sin x and cos x for |x| <= 1e4, absolute error below 1.5e-7.
QUASAR_HD void sine_cosine(float x, float& sine, float& cosine) {
  constexpr float kRoundToInteger = 12582912.0f;  // 1.5 * 2^23
  const float shifted = fused_multiply_add(x, 0.636619772f, kRoundToInteger);
  const float n = shifted - kRoundToInteger;
  float r = fused_multiply_add(n, -1.57079637f, x);  // pi/2 in two parts
  r = fused_multiply_add(n, 4.37113883e-8f, r);
  float s, c;
  sincos_of_octant(r, s, c);
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

}  // namespace quasar
