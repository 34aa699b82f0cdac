#pragma once

#include "experiments/slow_problem.h"
#include "sde/adam_slow_dynamics.h"
#include "sde/path_options.h"

/// What the integrators call for erased landscapes: compiled in slow_dynamics.cpp alone, for it takes most of their time.
namespace quasar {

#define QUASAR_SLOW_DYNAMICS(KEYWORD, DIM)                                                                           \
  KEYWORD template SlowCoefficients<DIM> slow_coefficients(const ErasedLandscape<DIM>&, const Mat<DIM>&,             \
                                                           const Vec<DIM>&, const DriftWeights&, double);            \
  KEYWORD template SlowCoefficients<DIM> path_coefficients(const ErasedLandscape<DIM>&, const ErasedLandscape<DIM>&, \
                                                           const DriftWeights&, PathEquation, const Vec<DIM>&);      \
  KEYWORD template ItoCoefficients<DIM> path_ito_coefficients(                                                       \
      const ErasedLandscape<DIM>&, const ErasedLandscape<DIM>&, const DriftWeights&, PathEquation, const Vec<DIM>&); \
  KEYWORD template Projection<DIM> retract(const ErasedLandscape<DIM>&, const PathOptions&, const Vec<DIM>&,         \
                                           const Vec<DIM>&);                                                         \
  KEYWORD template Vec<DIM> start_on_manifold(const ErasedLandscape<DIM>&, const Vec<DIM>&,                          \
                                              const GradientFlowOptions&);                                           \
  KEYWORD template std::pair<AdamSlowState<DIM>, bool> adam_slow_step(                                               \
      const ErasedLandscape<DIM>&, const ErasedLandscape<DIM>&, const AdamSlowState<DIM>&, const AdamSlowOptions&,   \
      double, const Vec<DIM>&);                                                                                      \
  KEYWORD template class RankMonitor<ErasedLandscape<DIM>>;

QUASAR_SLOW_DYNAMICS(extern, 2)
QUASAR_SLOW_DYNAMICS(extern, 3)
QUASAR_SLOW_DYNAMICS(extern, Eigen::Dynamic)

}  // namespace quasar
