#include "experiments/toy_observables.h"

#include <algorithm>
#include <cmath>

#include "core/symmetric_eigen.h"

namespace quasar {
namespace {

/// The largest eigenvalue of a Hessian.
template <int Dim>
double largest_eigenvalue(const Mat<Dim>& hessian) {
  if constexpr (Dim == 2)  // four times as fast, and most landscapes have it
    return 0.5 * (hessian(0, 0) + hessian(1, 1)) + std::hypot(0.5 * (hessian(0, 0) - hessian(1, 1)), hessian(0, 1));
  // one solver for all other dimensions
  return symmetric_eigen<Eigen::Dynamic>(hessian, Eigen::EigenvaluesOnly).eigenvalues().maxCoeff();
}

}  // namespace

template <int Dim>
std::vector<ToyObservable<Dim>> toy_observables(Eigen::Index size, const std::vector<NamedObservable<Dim>>& own,
                                                const std::function<double(const Vec<Dim>&)>& value,
                                                const std::function<Mat<Dim>(const Vec<Dim>&)>& hessian) {
  using Seen = Observed<Dim>;
  std::vector<ToyObservable<Dim>> result;
  for (const auto& [name, of_point] : own)
    result.push_back({name, [of_point = of_point](const Seen& seen) { return of_point(seen.projected); }, true});
  const auto add = [&](const std::string& name, Observable<Dim> observable, bool by_default = false) {
    const auto same = [&](const auto& other) { return other.name == name; };
    if (std::none_of(result.begin(), result.end(), same)) result.push_back({name, std::move(observable), by_default});
  };
  add(
      "distance_to_manifold", [](const Seen& seen) { return (seen.average - seen.projected).norm(); }, true);
  add(
      "trace_hessian", [hessian](const Seen& seen) { return hessian(seen.projected).trace(); }, true);
  add("lambda_max", [hessian](const Seen& seen) { return largest_eigenvalue<Dim>(hessian(seen.projected)); });
  add("loss", [value](const Seen& seen) { return value(seen.average); });
  add(kWorkerDispersion, [](const Seen& seen) { return seen.worker_dispersion; });
  for (Eigen::Index i = 0; i < size; ++i) {
    add("average_" + std::to_string(i + 1), [i](const Seen& seen) { return seen.average[i]; });
    add("projected_" + std::to_string(i + 1), [i](const Seen& seen) { return seen.projected[i]; });
  }
  return result;
}

#define QUASAR_DEFINE(DIM)                                                                                         \
  template std::vector<ToyObservable<DIM>> toy_observables(Eigen::Index, const std::vector<NamedObservable<DIM>>&, \
                                                           const std::function<double(const Vec<DIM>&)>&,          \
                                                           const std::function<Mat<DIM>(const Vec<DIM>&)>&);
QUASAR_DEFINE(1)
QUASAR_DEFINE(2)
QUASAR_DEFINE(3)
QUASAR_DEFINE(16)
QUASAR_DEFINE(Eigen::Dynamic)

}  // namespace quasar
