#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "core/errors.h"
#include "core/estimate.h"
#include "sde/schemes.h"

namespace quasar {

/// A path with step dt/2 and one with step dt, driven by the same noise.
template <int Dim>
struct CoupledPoints {
  Vec<Dim> fine;
  Vec<Dim> coarse;
  bool converged = true;  ///< of all the retractions so far
};

/// Noise of a step made of those of its two halves: (xi_1 + xi_2) / sqrt 2.
///
/// Keeps the moments of N(0, 1) up to the fifth where the halves have them, but no law other than the normal one.
template <int Dim>
StepNoise<Dim> sum_of_halves(const StepNoise<Dim>& first, const StepNoise<Dim>& second) {
  return {Vec<Dim>((first.increments + second.increments) / std::sqrt(2.0)), first.area_signs};
}

/// Talay-Tubaro extrapolation of Euler's scheme: weak order 2.     Talay and Tubaro 1990, Stoch. Anal. Appl. 8, 483
///
///   2 E f(zeta^{dt/2}) - E f(zeta^{dt})
///
/// The leading error of Euler's scheme contains the fourth moment of the noise, which must therefore be the same on
/// both levels: the sum of two halves keeps it for normal and 3-point noise, not for 2-point noise (order 1, measured).
/// cost  three Euler steps a step
struct TalayTubaro {
  static constexpr const char* name = "Talay-Tubaro";
  static constexpr int weak_order = 2;

  /// One coupled step: two halves of the fine path, one step of the coarse one.
  template <int Dim, class Coefficients, class Retract>
  CoupledPoints<Dim> operator()(const Coefficients& coefficients, const Retract& retraction,
                                const CoupledPoints<Dim>& zeta, double time_step, const StepNoise<Dim>& first,
                                const StepNoise<Dim>& second) const {
    const Euler euler;
    const auto half = euler(coefficients, retraction, zeta.fine, time_step / 2, first);
    const auto fine = euler(coefficients, retraction, half.point, time_step / 2, second);
    const auto coarse = euler(coefficients, retraction, zeta.coarse, time_step, sum_of_halves(first, second));
    return {fine.point, coarse.point, zeta.converged && half.converged && fine.converged && coarse.converged};
  }

  /// What to average over paths.
  template <int Dim, class Observable>
  double value(const Observable& observable, const CoupledPoints<Dim>& zeta) const {
    return 2.0 * observable(zeta.fine) - observable(zeta.coarse);
  }
};

struct ExtrapolationOptions {
  double time_step = 0.0;  ///< of the coarse paths
  std::int64_t steps = 0;
  std::int64_t paths = 1;
  std::uint64_t seed = 0;
  NoiseLaw law = NoiseLaw::gaussian;
};

struct ExtrapolatedMean {
  Estimate mean;
  std::int64_t paths_that_left = 0;  ///< a retraction failed; not in the mean
};

/// Mean of an observable by TalayTubaro over independent pairs of paths from a point of the manifold.
///
/// throws  ConfigError for 2-point noise, with which the extrapolation has order 1
/// cost    3 steps * paths evaluations of the coefficients, on one thread
template <int Dim, class Coefficients, class Retract, class Observable>
ExtrapolatedMean extrapolated_mean(const Coefficients& coefficients, const Retract& retraction, const Vec<Dim>& start,
                                   const ExtrapolationOptions& options, const Observable& observable) {
  if (highest_weak_order(options.law) < TalayTubaro::weak_order)
    throw ConfigError("Talay-Tubaro extrapolation needs noise with five normal moments (2-point noise has three)");
  const TalayTubaro scheme;
  RunningMoments moments;
  std::int64_t left = 0;
  for (std::int64_t path = 0; path < options.paths; ++path) {
    CoupledPoints<Dim> zeta{start, start};
    for (std::int64_t step = 0; step < options.steps && zeta.converged; ++step) {
      const auto half = [&](std::int64_t i) {
        return draw_step_noise<Dim>(options.law, options.seed, path, 2 * step + i, start.size());
      };
      zeta = scheme(coefficients, retraction, zeta, options.time_step, half(0), half(1));
    }
    if (zeta.converged)
      moments.add(scheme.value(observable, zeta));
    else
      ++left;
  }
  return {moments.estimate(), left};
}

}  // namespace quasar
