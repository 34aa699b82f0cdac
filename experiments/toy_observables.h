#pragma once

#include <functional>
#include <string>
#include <vector>

#include "experiments/landscape_problem.h"
#include "toy_models/ensemble.h"

namespace quasar {

/// An observable of `quasar toy` by name.
template <int Dim>
struct ToyObservable {
  std::string name;
  Observable<Dim> value;
  bool by_default = false;
};

inline constexpr const char* kWorkerDispersion = "worker_dispersion";

/// Whether an observable of observables_of() looks at Phi, which may cost more than all steps.
inline bool looks_at_projection(const std::string& name) {
  return name != "loss" && name != kWorkerDispersion && !name.starts_with("average_");
}

/// All observables of a landscape: its own and the sharpness at the projection on the manifold; distance to it, loss and
/// coordinates of the average; the dispersion of the workers. All in double, whatever the replicas are in.
///
/// size  numbers of a point. Compiled in toy_observables.cpp for every dimension that a landscape has.
template <int Dim>
std::vector<ToyObservable<Dim>> toy_observables(Eigen::Index size, const std::vector<NamedObservable<Dim>>& own,
                                                const std::function<double(const Vec<Dim>&)>& value,
                                                const std::function<Mat<Dim>(const Vec<Dim>&)>& hessian);

/// The same; the problem must outlive them.
template <class L>
std::vector<ToyObservable<L::dim>> observables_of(const LandscapeProblem<L>& problem) {
  const L& landscape = problem.landscape;
  return toy_observables<L::dim>(
      problem.start.size(), problem.observables, [&](const Vec<L::dim>& x) { return landscape.value(x); },
      [&](const Vec<L::dim>& x) { return Mat<L::dim>(landscape.hessian(x)); });
}

}  // namespace quasar
