#pragma once

#include "experiments/landscapes.h"

namespace quasar {

// The landscapes of a dimension known only when running, as read_landscape() reads them.
LandscapeProblem<MatrixFactorization> read_matrix_factorization(const Config& config);
LandscapeProblem<TanhNetwork> read_tanh_network(const Config& config);

}  // namespace quasar
