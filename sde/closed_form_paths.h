#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/estimate.h"
#include "core/loss.h"
#include "core/parallel_for.h"
#include "sde/closed_form_kernel.h"

namespace quasar {

struct ClosedFormPathOptions {
  double time_step = 0.0;  ///< of slow time
  std::int64_t paths = 1;  ///< below 2^31
  std::uint64_t seed = 0;
  int threads = 1;
  NoiseLaw noise_law = NoiseLaw::gaussian;  ///< gaussian or two_point
  InstructionSet instruction_set = best_instruction_set();
};

#if defined(__x86_64__)
// Everything these two inline is always_inline, so no code for AVX escapes into functions that other files share.
template <int Lanes, NoiseLaw Law, class System, class Real>
__attribute__((target("arch=x86-64-v3"))) void advance_paths_v3(const System& system, const ClosedFormSteps& steps,
                                                                std::uint32_t first_path,
                                                                PathBlock<System::dim, Real, Lanes>& block) {
  advance_paths<Lanes, Law>(InstructionSet::x86_64_v3, system, steps, first_path, block);
}

template <int Lanes, NoiseLaw Law, class System, class Real>
__attribute__((target("arch=x86-64-v4,prefer-vector-width=512"))) void advance_paths_v4(
    const System& system, const ClosedFormSteps& steps, std::uint32_t first_path,
    PathBlock<System::dim, Real, Lanes>& block) {
  advance_paths<Lanes, Law>(InstructionSet::x86_64_v4, system, steps, first_path, block);
}
#endif

/// Many paths of a Slow SDE in closed form (closed_form_sdes.h), by Euler with retraction: weak order 1.
///
/// The results depend on the seed alone: neither on threads nor instruction set nor on how steps are split into calls.
template <class System, class Real = float>
class ClosedFormPaths {
 public:
  static constexpr int dim = System::dim;
  static constexpr int kLanes = dim <= 2 ? 128 : dim <= 16 ? 64 : kNoiseLanes;  // a block stays in L1
  using Point = Vec<dim>;

  ClosedFormPaths(const System& system, const ClosedFormPathOptions& options, const Point& start)
      : system_(system), options_(options) {
    PathBlock<dim, Real, kLanes> block;
    for (int i = 0; i < dim; ++i) std::fill_n(block.zeta[i], kLanes, static_cast<Real>(start[i]));
    blocks_.assign((static_cast<std::size_t>(options.paths) + kLanes - 1) / kLanes, block);
  }

  std::int64_t step() const { return step_; }

  /// Takes `steps` steps of every path.
  void advance(std::int64_t steps) {
    parallel_for(blocks_.size(), 8, options_.threads, [&](std::size_t b) { advance_block(b, steps); });
    step_ += steps;
  }

  Point point(std::int64_t path) const {
    Point zeta;
    for (int i = 0; i < dim; ++i) zeta[i] = blocks_[static_cast<std::size_t>(path / kLanes)].zeta[i][path % kLanes];
    return zeta;
  }

  /// Mean and spread of an observable over the paths, in path order.
  RunningMoments measure(const std::function<double(const Point&)>& observable) const {
    RunningMoments moments;
    for (std::int64_t path = 0; path < options_.paths; ++path) moments.add(observable(point(path)));
    return moments;
  }

 private:
  void advance_block(std::size_t b, std::int64_t steps) {
    if (options_.noise_law == NoiseLaw::two_point)
      dispatch<NoiseLaw::two_point>(b, steps);
    else
      dispatch<NoiseLaw::gaussian>(b, steps);
  }

  template <NoiseLaw Law>
  void dispatch(std::size_t b, std::int64_t steps) {
    const ClosedFormSteps all{options_.seed, step_, steps, options_.time_step};
    const auto first_path = static_cast<std::uint32_t>(b * kLanes);
#if defined(__x86_64__)
    if (options_.instruction_set == InstructionSet::x86_64_v4)
      return advance_paths_v4<kLanes, Law>(system_, all, first_path, blocks_[b]);
    if (options_.instruction_set == InstructionSet::x86_64_v3)
      return advance_paths_v3<kLanes, Law>(system_, all, first_path, blocks_[b]);
#endif
    advance_paths<kLanes, Law>(options_.instruction_set, system_, all, first_path, blocks_[b]);
  }

  System system_;
  ClosedFormPathOptions options_;
  std::int64_t step_ = 0;
  std::vector<PathBlock<dim, Real, kLanes>> blocks_;
};

}  // namespace quasar
