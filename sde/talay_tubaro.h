#pragma once

#include <cmath>

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
};

#define QUASAR_DECLARE(DIM)                                                                                   \
  extern template CoupledPoints<DIM> TalayTubaro::operator()(                                                 \
      const SlowCoefficientFunction<DIM>&, const RetractionFunction<DIM>&, const CoupledPoints<DIM>&, double, \
      const StepNoise<DIM>&, const StepNoise<DIM>&) const;
QUASAR_FOR_EACH_DIMENSION(QUASAR_DECLARE)
#undef QUASAR_DECLARE

}  // namespace quasar
