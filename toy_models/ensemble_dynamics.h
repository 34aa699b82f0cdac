#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>
#include <vector>

#include "toy_models/compiled_kernels.h"
#include "toy_models/dynamic_kernels.h"
#include "toy_models/ensemble_cuda.h"
#include "toy_models/generic_kernel.h"

namespace quasar {

/// What an ensemble needs of its landscape as functions, so that the rest is compiled once a dimension and precision.
template <int Dim, class Real>
struct Dynamics {
  int size = Dim;              ///< numbers of a replica
  double relative_cost = 1.0;  ///< of a worker-step, in units of those of the fast kernels in the plane, about
  std::function<Vec<Dim>(const Vec<Dim>&)> project;  ///< to be given for a DynamicLandscape
  std::function<void(const RoundsView<Real>&, const WorkerNoise&, std::uint32_t first_replica, Block<Dim, Real>&,
                     double* dispersion)>
      advance_block;
  std::function<void(const RoundsView<Real>&, const WorkerNoise&, std::uint32_t first_replica,
                     std::vector<Block<Dim, Real>>&)>
      advance_on_cuda;
  /// Of one replica; in double only, and none for a DynamicLandscape.
  std::function<bool(const RoundsView<Real>&, const WorkerNoise&, const GenericMethod&, std::uint32_t replica,
                     double* average, double* state, double* dispersion)>
      advance_generic;
};

/// The landscape must outlive it.
template <class Real, class L>
Dynamics<L::dim, Real> dynamics_of(const L& landscape, InstructionSet instruction_set) {
  using Rounds = RoundsView<Real>;
  Dynamics<L::dim, Real> dynamics;
  dynamics.advance_block = [&landscape, instruction_set](const Rounds& rounds, const WorkerNoise& noise,
                                                         std::uint32_t first_replica, Block<L::dim, Real>& block,
                                                         double* dispersion) {
    advance_block(instruction_set, landscape, rounds, noise, first_replica, block, dispersion);
  };
  dynamics.advance_on_cuda = [&landscape](const Rounds& rounds, const WorkerNoise& noise, std::uint32_t first_replica,
                                          std::vector<Block<L::dim, Real>>& blocks) {
    advance_on_cuda(landscape, rounds, noise, first_replica, blocks);
  };
  if constexpr (DynamicLandscape<L>) {
    constexpr double kCostOfNumber = 0.06;  // of noise, times those of a replica
    const auto steps = landscape.steps(InPlace{});
    dynamics.size = static_cast<int>(steps.size());
    dynamics.relative_cost = kCostOfNumber * static_cast<double>(steps.noise_dim() * (steps.size() + 16));
  } else {
    dynamics.project = [&landscape](const Vec<L::dim>& x) -> Vec<L::dim> { return landscape.project(x); };
    if constexpr (std::is_same_v<Real, double>)
      dynamics.advance_generic = [&landscape](const Rounds& rounds, const WorkerNoise& noise,
                                              const GenericMethod& method, std::uint32_t replica, double* average,
                                              double* state, double* dispersion) {
        return advance_generic(landscape, rounds, noise, method, replica, average, state, dispersion);
      };
  }
  return dynamics;
}

}  // namespace quasar
