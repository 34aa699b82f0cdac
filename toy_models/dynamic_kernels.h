#pragma once

#include "toy_models/cpu_dispatch.h"
#include "toy_models/dynamic_kernel.h"
#include "toy_models/matrix_factorization.h"
#include "toy_models/tanh_network.h"

/// The landscapes of a dimension known only when running whose kernels are compiled, for every instruction set and
/// precision. A new one is a line here.
#define QUASAR_FOR_EACH_DYNAMIC_LANDSCAPE(DO) \
  DO(::quasar::MatrixFactorization)           \
  DO(::quasar::TanhNetwork)

namespace quasar {

/// advance_dynamic_rounds() on a block with the instruction set asked for.
///
/// Not checked: that the CPU has it.
template <DynamicLandscape L, class Real>
void advance_block(InstructionSet instruction_set, const L& landscape, const RoundsView<Real>& rounds,
                   const WorkerNoise& noise, std::uint32_t first_replica, Block<L::dim, Real>& block,
                   double* dispersion = nullptr);

}  // namespace quasar
