#pragma once

#include "core/config.h"
#include "experiments/landscape_problem.h"
#include "toy_models/matrix_factorization.h"
#include "toy_models/tanh_network.h"

namespace quasar {

// The landscapes of a dimension known only when running, as read_landscape() reads them.
LandscapeProblem<MatrixFactorization> read_matrix_factorization(const Config& config);
LandscapeProblem<TanhNetwork> read_tanh_network(const Config& config);

}  // namespace quasar
