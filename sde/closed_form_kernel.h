#pragma once

#include <cstdint>
#include <numeric>

#include "core/instruction_set.h"
#include "core/lane_noise.h"
#include "sde/noise_law.h"

namespace quasar {

/// Some steps of a Slow SDE whose step is a formula: the same for every path.
struct ClosedFormSteps {
  std::uint64_t seed;
  std::int64_t first, count;
  double time_step;  ///< of slow time
};

/// A block of paths, coordinate by coordinate, so that the loop over lanes becomes SIMD; in cache lines of its own, since
/// threads work on blocks that are neighbours.
template <int Dim, class Real, int Lanes>
struct alignas(64) PathBlock {
  Real zeta[Dim][Lanes];
};

/// Values of a component of the noise that one draw holds: four normals, or 128 fair signs.
constexpr int values_of_draw(NoiseLaw law) { return law == NoiseLaw::gaussian ? 4 : 128; }

/// The values of a draw for every lane.
template <NoiseLaw Law, class Real, int Lanes>
struct PathNoise;

template <class Real, int Lanes>
struct PathNoise<NoiseLaw::gaussian, Real, Lanes> {
  float z[4][Lanes];

  QUASAR_HD void fill(InstructionSet instruction_set, const Draw& first) {
    fill_normals(instruction_set, first, Lanes, &z[0][0]);
  }
  QUASAR_HD void copy(int value, Real (&xi)[Lanes]) const {
    for (int lane = 0; lane < Lanes; ++lane) xi[lane] = static_cast<Real>(z[value][lane]);
  }
};

template <class Real, int Lanes>
struct PathNoise<NoiseLaw::two_point, Real, Lanes> {
  std::uint32_t w[4][Lanes];

  QUASAR_HD void fill(InstructionSet instruction_set, const Draw& first) {
    fill_words(instruction_set, first, Lanes, &w[0][0]);
  }
  QUASAR_HD void copy(int value, Real (&xi)[Lanes]) const {
    const std::uint32_t(&word)[Lanes] = w[value / 32];
    const int bit = value % 32;
    for (int lane = 0; lane < Lanes; ++lane) xi[lane] = (word[lane] >> bit & 1u) != 0 ? Real(1) : Real(-1);
  }
};

/// Euler with retraction on Lanes paths for some steps: one source for scalar code and SIMD.
///
/// A System has `dim`, `noise_dim` and step(z, xi, dt, sqrt_dt), which takes the points z[dim][Lanes] to the next ones by
/// the noise xi[noise_dim][Lanes] of variance 1; its innermost loops run over the lanes. Draws of 4 normals or 128 signs
/// serve as many steps as use them up; the noise of (path, step) depends on nothing else.
///
/// cost  per path-step: noise_dim values of noise and one step(); no memory beyond L1
template <int Lanes, NoiseLaw Law, class System, class Real>
QUASAR_HD void advance_paths(InstructionSet instruction_set, const System& system, const ClosedFormSteps& steps,
                             std::uint32_t first_path, PathBlock<System::dim, Real, Lanes>& block) {
  constexpr int kNoiseDim = System::noise_dim, kValues = values_of_draw(Law);
  constexpr int kShared = std::gcd(kNoiseDim, kValues);
  constexpr int kDraws = kNoiseDim / kShared, kSteps = kValues / kShared;  // so many draws are for so many steps
  const Real time_step = static_cast<Real>(steps.time_step);
  const Real root = static_cast<Real>(__builtin_sqrt(steps.time_step));
  const std::int64_t end = steps.first + steps.count;
  PathNoise<Law, Real, Lanes> noise[kDraws];
  for (std::int64_t step = steps.first; step < end;) {
    for (int draw = 0; draw < kDraws; ++draw)
      noise[draw].fill(instruction_set, {steps.seed, Use::closed_form_paths, first_path,
                                         static_cast<std::uint64_t>(step / kSteps), static_cast<std::uint32_t>(draw)});
    const std::int64_t end_of_draws = (step / kSteps + 1) * kSteps;
    for (const std::int64_t until = end_of_draws < end ? end_of_draws : end; step < until; ++step) {
      const int used = static_cast<int>(step % kSteps) * kNoiseDim;
      Real xi[kNoiseDim][Lanes];
      for (int i = 0; i < kNoiseDim; ++i) noise[(used + i) / kValues].copy((used + i) % kValues, xi[i]);
      system.step(block.zeta, xi, time_step, root);
    }
  }
}

}  // namespace quasar
