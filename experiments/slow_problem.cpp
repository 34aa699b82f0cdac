#include "experiments/slow_problem.h"

#include "experiments/landscapes.h"

namespace quasar {
namespace {

/// Two and three dimensions have code of their own; another fixed dimension is treated as a dynamic one.
template <class L>
AnySlowProblem erase(const LandscapeProblem<L>& problem) {
  constexpr int kDim = L::dim == 2 || L::dim == 3 ? L::dim : Eigen::Dynamic;
  SlowProblem<kDim> erased{ErasedLandscape<kDim>(problem.landscape), problem.start, {}};
  for (const auto& observable : problem.observables) erased.observables.push_back({observable.name, observable.value});
  if constexpr (kDim == 2) erased.closed_curve = problem.closed_curve;
  return erased;
}

}  // namespace

NamedSlowProblem read_slow_problem(const Config& config) {
  const NamedLandscape landscape = read_landscape(config);
  return {landscape.name, std::visit([](const auto& problem) { return erase(problem); }, landscape.problem)};
}

void require_closed_curve(const Config& config, const NamedSlowProblem& problem, const std::string& key) {
  const auto* plane = std::get_if<SlowProblem<2>>(&problem.problem);
  require_closed_curve(config, plane != nullptr && plane->closed_curve.has_value(), key);
}

}  // namespace quasar
