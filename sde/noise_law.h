#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/loss.h"
#include "core/random.h"

namespace quasar {

/// Law of a component of Delta W / sqrt(dt): mean 0, variance 1.
enum class NoiseLaw {
  gaussian,    ///< N(0, 1): all moments, unbounded
  two_point,   ///< +-1 with probability 1/2 each (Rademacher): the moments of N(0, 1) up to the third
  three_point  ///< +-sqrt 3 with probability 1/6 each, else 0: up to the fifth
};

/// Highest weak order p for which the law serves: the moments up to 2p + 1 must be those of N(0, 1).
///                                                                                     Kloeden and Platen 1992, ch. 14
constexpr int highest_weak_order(NoiseLaw law) {
  switch (law) {
    case NoiseLaw::two_point:
      return 1;
    case NoiseLaw::three_point:
      return 2;
    case NoiseLaw::gaussian:
      break;
  }
  return std::numeric_limits<int>::max();
}

/// The randomness of one step of a scheme.
template <int Dim>
struct StepNoise {
  Vec<Dim> increments;  ///< Delta W / sqrt(dt), (d)
  Mat<Dim> area_signs;  ///< V / dt: independent fair signs above the diagonal, antisymmetric, for the integrals of
                        ///< W^i dW^j; schemes of weak order 1 ignore it, (d, d)
};

/// Four components from the four words of a draw; a word a component, so that the law does not move the others' bits.
inline void components(NoiseLaw law, const Draw& draw, double x[4]) {
  if (law == NoiseLaw::gaussian) {
    float z[4];
    normals(draw, z);
    std::copy_n(z, 4, x);
    return;
  }
  const Words bits = words(draw);
  for (int i = 0; i < 4; ++i)
    if (law == NoiseLaw::two_point) {
      x[i] = (bits.w[i] >> 31) != 0 ? 1.0 : -1.0;
    } else {
      const std::uint32_t face = uniform_below(bits.w[i], 6);
      x[i] = face == 0 ? -std::sqrt(3.0) : face == 1 ? std::sqrt(3.0) : 0.0;
    }
}

/// The noise of (path, step): named draws, so it depends on neither threads nor other paths nor restarts.
///
/// Increments use index 0 and lane i/4, as PathEnsemble's; area signs use the indices from 1, 128 signs a draw.
/// Not checked: path < 2^32, step < 2^48, size < 2^15 (the bounds of Draw).
template <int Dim>
StepNoise<Dim> draw_step_noise(NoiseLaw law, std::uint64_t seed, std::int64_t path, std::int64_t step,
                               Eigen::Index size = Dim) {
  Draw draw{seed, Use::sde_noise, static_cast<std::uint32_t>(path), static_cast<std::uint64_t>(step)};
  StepNoise<Dim> noise{Vec<Dim>::Zero(size), Mat<Dim>::Zero(size, size)};
  for (Eigen::Index first = 0; first < size; first += 4) {
    double x[4];
    draw.lane = static_cast<std::uint32_t>(first / 4);
    components(law, draw, x);
    for (Eigen::Index i = first; i < std::min(first + 4, size); ++i) noise.increments[i] = x[i - first];
  }
  draw.lane = 0;
  std::uint32_t used = 0;
  Words bits{};
  for (Eigen::Index j = 1; j < size; ++j)
    for (Eigen::Index i = 0; i < j; ++i, ++used) {
      if (used % 128 == 0) {
        draw.index = 1 + used / 128;
        bits = words(draw);
      }
      noise.area_signs(i, j) = (bits.w[used % 128 / 32] >> (used % 32) & 1u) != 0 ? 1.0 : -1.0;
      noise.area_signs(j, i) = -noise.area_signs(i, j);
    }
  return noise;
}

#define QUASAR_DECLARE(DIM)                                                                                \
  extern template StepNoise<DIM> draw_step_noise<DIM>(NoiseLaw, std::uint64_t, std::int64_t, std::int64_t, \
                                                      Eigen::Index);
QUASAR_FOR_EACH_DIMENSION(QUASAR_DECLARE)
#undef QUASAR_DECLARE

}  // namespace quasar
