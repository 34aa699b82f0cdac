#include "toy_models/dynamic_kernels.h"

#include <algorithm>
#include <type_traits>

namespace quasar {
namespace {

/// Half a block, so that what a step touches stays in L1.
constexpr int kLanesAtOnce = kNoiseLanes;
template <WorkerNoiseLaw Law, class Real>
using Workspace = DynamicWorkspace<Law, Real, kLanesAtOnce>;

#if defined(__x86_64__)
// As in cpu_dispatch.h, what these two inline is always_inline.
template <WorkerNoiseLaw Law, class S, class Real>
__attribute__((target("arch=x86-64-v3"))) void advance_v3(const S& steps, const RoundsView<Real>& rounds,
                                                          const WorkerNoise& noise, std::uint32_t first_replica,
                                                          const DynamicRows<Real>& space, std::uint32_t* left_domain,
                                                          double* dispersion) {
  advance_dynamic_rounds<kLanesAtOnce, Law>(steps, rounds, noise, LaneDraws{InstructionSet::x86_64_v3}, first_replica,
                                            space, left_domain, dispersion);
}

template <WorkerNoiseLaw Law, class S, class Real>
__attribute__((target("arch=x86-64-v4,prefer-vector-width=512"))) void advance_v4(
    const S& steps, const RoundsView<Real>& rounds, const WorkerNoise& noise, std::uint32_t first_replica,
    const DynamicRows<Real>& space, std::uint32_t* left_domain, double* dispersion) {
  advance_dynamic_rounds<kLanesAtOnce, Law>(steps, rounds, noise, LaneDraws{InstructionSet::x86_64_v4}, first_replica,
                                            space, left_domain, dispersion);
}
#endif

template <WorkerNoiseLaw Law, class S, class Real>
void advance_baseline(const S& steps, const RoundsView<Real>& rounds, const WorkerNoise& noise,
                      std::uint32_t first_replica, const DynamicRows<Real>& space, std::uint32_t* left_domain,
                      double* dispersion) {
  advance_dynamic_rounds<kLanesAtOnce, Law>(steps, rounds, noise, LaneDraws{InstructionSet::baseline}, first_replica,
                                            space, left_domain, dispersion);
}

template <WorkerNoiseLaw Law, class L, class Real>
void advance_by_law(InstructionSet instruction_set, const L& landscape, const RoundsView<Real>& rounds,
                    const WorkerNoise& noise, std::uint32_t first_replica, Block<L::dim, Real>& block,
                    double* dispersion) {
  const auto steps = landscape.steps(InPlace{});
  using S = std::remove_const_t<decltype(steps)>;
  auto* advance = advance_baseline<Law, S, Real>;
#if defined(__x86_64__)
  if (instruction_set == InstructionSet::x86_64_v3) advance = advance_v3<Law, S, Real>;
  if (instruction_set == InstructionSet::x86_64_v4) advance = advance_v4<Law, S, Real>;
#endif
  Workspace<Law, Real> space(steps);
  for (int lane = 0; lane < kLanes; lane += kLanesAtOnce) {
    for (std::size_t i = 0; i < block.average.size(); ++i)
      std::copy_n(&block.average[i][lane], kLanesAtOnce, space.average[i].lane);
    advance(steps, rounds, noise, first_replica + static_cast<std::uint32_t>(lane), space.rows(),
            block.left_domain + lane, dispersion != nullptr ? dispersion + lane : nullptr);
    for (std::size_t i = 0; i < block.average.size(); ++i)
      std::copy_n(space.average[i].lane, kLanesAtOnce, &block.average[i][lane]);
  }
}

}  // namespace

template <DynamicLandscape L, class Real>
void advance_block(InstructionSet instruction_set, const L& landscape, const RoundsView<Real>& rounds,
                   const WorkerNoise& noise, std::uint32_t first_replica, Block<L::dim, Real>& block,
                   double* dispersion) {
  const auto advance = noise.law == WorkerNoiseLaw::signs ? advance_by_law<WorkerNoiseLaw::signs, L, Real>
                                                          : advance_by_law<WorkerNoiseLaw::gaussian, L, Real>;
  advance(instruction_set, landscape, rounds, noise, first_replica, block, dispersion);
}

#define QUASAR_DEFINE(...)                                                                                       \
  template void advance_block(InstructionSet, const __VA_ARGS__&, const RoundsView<float>&, const WorkerNoise&,  \
                              std::uint32_t, Block<Eigen::Dynamic, float>&, double*);                            \
  template void advance_block(InstructionSet, const __VA_ARGS__&, const RoundsView<double>&, const WorkerNoise&, \
                              std::uint32_t, Block<Eigen::Dynamic, double>&, double*);
QUASAR_FOR_EACH_DYNAMIC_LANDSCAPE(QUASAR_DEFINE)

}  // namespace quasar
