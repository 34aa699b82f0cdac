#include "toy_models/ensemble_checks.h"

#include <limits>
#include <string>

#include "core/errors.h"
#include "toy_models/ensemble_cuda.h"

namespace quasar {
namespace {

void demand(bool holds, const std::string& what) {
  if (!holds) throw ConfigError("toy ensemble: " + what);
}

void check_numbers(const EnsembleOptions& options) {
  demand(options.num_workers >= 1 && options.num_workers <= 65536, "the number of workers must be 1 to 65536");
  demand(options.replicas >= 1 && options.replicas <= std::numeric_limits<std::int32_t>::max(),
         "the number of replicas must be 1 to 2147483647");
  demand(options.threads >= 1, "the number of threads must be at least 1");
  demand(options.max_bad_fraction >= 0.0, "max_bad_fraction must not be negative");
  demand(options.shards >= 1 && options.shard >= 0 && options.shard < options.shards,
         "there is no shard " + std::to_string(options.shard) + " of " + std::to_string(options.shards));
  const std::int64_t blocks = blocks_in(options.replicas);
  demand(options.shards <= blocks, std::to_string(options.replicas) + " replicas are " + std::to_string(blocks) +
                                       " blocks of " + std::to_string(kLanes) + ": too few for " +
                                       std::to_string(options.shards) + " shards");
}

}  // namespace

void check_ensemble(const EnsembleOptions& options, const LandscapeKernels& kernels) {
  check_numbers(options);
  const bool cuda = options.device == Device::cuda;
  const bool batches = std::holds_alternative<toy_noise::MiniBatch>(options.noise);
  const bool generic = GenericMethod{options.noise, options.optimizer}.is_needed();
  demand(kernels.generic || !generic,
         "matrix_factorization and tanh_network can be combined with gaussian noise or label_noise and sgd without "
         "momentum; student_t noise, momentum and adam with every other landscape");
  demand(kernels.minibatch || !batches,
         "mini-batch noise needs a landscape that is a mean of samples' losses; it can be combined with least_squares "
         "and diagonal_network, other landscapes with gaussian, label_noise and student_t");
  demand(!generic || (options.precision == Precision::float64 && !cuda),
         "float32 and cuda can be combined with gaussian noise or label_noise and sgd without momentum; student_t and "
         "minibatch noise, momentum and adam take float64 on the cpu");
  if (cuda) require_cuda();
}

}  // namespace quasar
