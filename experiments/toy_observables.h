#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <Eigen/Eigenvalues>

#include "experiments/landscapes.h"
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

/// The largest eigenvalue of a Hessian.
template <int Dim>
double largest_eigenvalue(const Mat<Dim>& hessian) {
  if constexpr (Dim == 2)  // four times as fast, and most landscapes have it
    return 0.5 * (hessian(0, 0) + hessian(1, 1)) + std::hypot(0.5 * (hessian(0, 0) - hessian(1, 1)), hessian(0, 1));
  const Eigen::MatrixXd dynamic = hessian;  // one solver for all other dimensions
  return Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(dynamic, Eigen::EigenvaluesOnly).eigenvalues().maxCoeff();
}

/// All observables of a landscape: its own and the sharpness at the projection on the manifold; distance to it, loss and
/// coordinates of the average; the dispersion of the workers. All in double, whatever the replicas are in.
template <class L>
std::vector<ToyObservable<L::dim>> observables_of(const LandscapeProblem<L>& problem) {
  using Seen = Observed<L::dim>;
  std::vector<ToyObservable<L::dim>> result;
  for (const auto& own : problem.observables)
    result.push_back({own.name, [value = own.value](const Seen& seen) { return value(seen.projected); }, true});
  const auto add = [&](const std::string& name, Observable<L::dim> value, bool by_default = false) {
    const auto same = [&](const auto& other) { return other.name == name; };
    if (std::none_of(result.begin(), result.end(), same)) result.push_back({name, std::move(value), by_default});
  };
  const L& landscape = problem.landscape;
  add(
      "distance_to_manifold", [](const Seen& seen) { return (seen.average - seen.projected).norm(); }, true);
  add(
      "trace_hessian", [&](const Seen& seen) { return Mat<L::dim>(landscape.hessian(seen.projected)).trace(); }, true);
  add("lambda_max", [&](const Seen& seen) { return largest_eigenvalue<L::dim>(landscape.hessian(seen.projected)); });
  add("loss", [&](const Seen& seen) { return landscape.value(seen.average); });
  add(kWorkerDispersion, [](const Seen& seen) { return seen.worker_dispersion; });
  for (Eigen::Index i = 0; i < problem.start.size(); ++i) {
    add("average_" + std::to_string(i + 1), [i](const Seen& seen) { return seen.average[i]; });
    add("projected_" + std::to_string(i + 1), [i](const Seen& seen) { return seen.projected[i]; });
  }
  return result;
}

}  // namespace quasar
