#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/loss.h"
#include "sde/one_dimensional.h"

namespace quasar {

/// What is measured at a point of the manifold.
template <int Dim>
struct NamedObservable {
  std::string name;
  std::function<double(const Vec<Dim>&)> value;
};

/// The manifold as a curve on which all laws are periodic.
template <int Dim>
struct ClosedManifold {
  std::string coordinate;  ///< its name
  double low, period;      ///< shown on [low, low + period)
  ManifoldCurve<Dim> curve;
};

/// A landscape with its starting point on the manifold and what is measured there.
template <class L>
struct LandscapeProblem {
  using Observable = NamedObservable<L::dim>;
  using ClosedCurve = ClosedManifold<L::dim>;
  L landscape;
  Vec<L::dim> start;
  std::vector<Observable> observables;
  std::optional<ClosedCurve> closed_curve = std::nullopt;
};

}  // namespace quasar
