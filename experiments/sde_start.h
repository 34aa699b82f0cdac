#pragma once

#include <cstdio>
#include <vector>

#include "core/recorder.h"
#include "experiments/sde_options.h"
#include "experiments/slow_dynamics.h"
#include "sde/path_events.h"

namespace quasar {

template <class Vector>
nlohmann::json as_json(const Vector& x) {
  return std::vector<double>(x.data(), x.data() + x.size());
}

/// `sde.start`, or the landscape's own.
template <int Dim>
Vec<Dim> given_start(const SlowProblem<Dim>& problem, const SdeOptions& options) {
  if (options.start.empty()) return problem.start;
  return Eigen::Map<const Vec<Dim>>(options.start.data(), static_cast<Eigen::Index>(options.start.size()));
}

/// Says in run.json, and if it is far also on stderr, where the projection has taken the given start.
template <int Dim>
void report_start(const Vec<Dim>& given, const Vec<Dim>& start, Eigen::Index rank, Recorder& recorder) {
  constexpr double kNoticeableDistance = 1e-6;  // far above the projection's own error
  const double distance = (start - given).norm();
  recorder.describe(
      "start", {{"given", as_json(given)}, {"point", as_json(start)}, {"distance", distance}, {"hessian_rank", rank}});
  if (distance > kNoticeableDistance)
    std::fprintf(stderr, "quasar: the start %s is %g off the manifold; projected to %s\n", print_point(given).c_str(),
                 distance, print_point(start).c_str());
}

}  // namespace quasar
