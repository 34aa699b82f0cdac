#pragma once

#include <string>
#include <variant>

#include "core/config.h"
#include "experiments/landscape_problem.h"
#include "toy_models/circle.h"
#include "toy_models/diagonal_network.h"
#include "toy_models/ellipse.h"
#include "toy_models/hyperbola.h"
#include "toy_models/least_squares.h"
#include "toy_models/matrix_factorization.h"
#include "toy_models/multiplicative_quadratic.h"
#include "toy_models/periodic_valley.h"
#include "toy_models/quadratic.h"
#include "toy_models/river.h"
#include "toy_models/sphere.h"
#include "toy_models/tanh_network.h"
#include "toy_models/turning_valley.h"
#include "toy_models/valley.h"

namespace quasar {

/// Every landscape of the commands `sde` and `toy`, for the few files that need to know which one: each takes seconds to
/// compile this header. A new one is a line here and a case in read_landscape.
using AnyLandscapeProblem =
    std::variant<LandscapeProblem<Valley>, LandscapeProblem<Circle>, LandscapeProblem<Hyperbola>,
                 LandscapeProblem<River>, LandscapeProblem<PeriodicValley>, LandscapeProblem<Sphere<3>>,
                 LandscapeProblem<TurningValley>, LandscapeProblem<Ellipse>, LandscapeProblem<DiagonalNetwork<8, 3>>,
                 LandscapeProblem<LeastSquares<2, 4>>, LandscapeProblem<Quadratic<2>>,
                 LandscapeProblem<MultiplicativeQuadratic>, LandscapeProblem<MatrixFactorization>,
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
