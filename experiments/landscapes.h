#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/config.h"
#include "sde/one_dimensional.h"
#include "toy_models/circle.h"
#include "toy_models/diagonal_network.h"
#include "toy_models/ellipse.h"
#include "toy_models/hyperbola.h"
#include "toy_models/least_squares.h"
#include "toy_models/matrix_factorization.h"
#include "toy_models/periodic_valley.h"
#include "toy_models/river.h"
#include "toy_models/sphere.h"
#include "toy_models/tanh_network.h"
#include "toy_models/turning_valley.h"
#include "toy_models/valley.h"

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

/// Every landscape of the commands `sde` and `toy`; a new one is a line here and a case in read_landscape.
using AnyLandscapeProblem =
    std::variant<LandscapeProblem<Valley>, LandscapeProblem<Circle>, LandscapeProblem<Hyperbola>,
                 LandscapeProblem<River>, LandscapeProblem<PeriodicValley>, LandscapeProblem<Sphere<3>>,
                 LandscapeProblem<TurningValley>, LandscapeProblem<Ellipse>, LandscapeProblem<DiagonalNetwork<8, 3>>,
                 LandscapeProblem<LeastSquares<2, 4>>, LandscapeProblem<MatrixFactorization>,
                 LandscapeProblem<TanhNetwork>>;

struct NamedLandscape {
  std::string name;
  AnyLandscapeProblem problem;
};

/// Reads `landscape.*`.
NamedLandscape read_landscape(const Config& config);

/// Throws ConfigError about `key` unless the landscape's manifold is known as a closed curve.
void require_closed_curve(const Config& config, const NamedLandscape& landscape, const std::string& key);
/// The same, given whether it is.
void require_closed_curve(const Config& config, bool is_closed, const std::string& key);

}  // namespace quasar
