#pragma once

#include "toy_models/circle.h"
#include "toy_models/cpu_dispatch.h"
#include "toy_models/diagonal_network.h"
#include "toy_models/ellipse.h"
#include "toy_models/hyperbola.h"
#include "toy_models/least_squares.h"
#include "toy_models/multiplicative_quadratic.h"
#include "toy_models/periodic_valley.h"
#include "toy_models/quadratic.h"
#include "toy_models/river.h"
#include "toy_models/sphere.h"
#include "toy_models/turning_valley.h"
#include "toy_models/valley.h"

/// The landscapes whose kernels are compiled for every instruction set and precision; any other one's are compiled where
/// it is used. A new landscape is a line here.
#define QUASAR_FOR_EACH_LANDSCAPE(DO)             \
  DO(::quasar::Valley)                            \
  DO(::quasar::Circle)                            \
  DO(::quasar::Hyperbola)                         \
  DO(::quasar::River)                             \
  DO(::quasar::PeriodicValley)                    \
  DO(::quasar::Sphere<3>)                         \
  DO(::quasar::TurningValley)                     \
  DO(::quasar::Ellipse)                           \
  DO(::quasar::DiagonalNetwork<8 QUASAR_COMMA 3>) \
  DO(::quasar::LeastSquares<2 QUASAR_COMMA 4>)    \
  DO(::quasar::MultiplicativeQuadratic)           \
  DO(::quasar::Quadratic<1>)                      \
  DO(::quasar::Quadratic<2>)
#define QUASAR_COMMA ,

namespace quasar {

template <class L, class Real>
using AdvanceBlock = void(InstructionSet, const L&, const RoundsView<Real>&, const WorkerNoise&, std::uint32_t,
                          Block<L::dim, Real>&, double*);

#define QUASAR_DECLARE(...)                                                           \
  extern template AdvanceBlock<__VA_ARGS__, float> advance_block<__VA_ARGS__, float>; \
  extern template AdvanceBlock<__VA_ARGS__, double> advance_block<__VA_ARGS__, double>;
QUASAR_FOR_EACH_LANDSCAPE(QUASAR_DECLARE)
#undef QUASAR_DECLARE

}  // namespace quasar
