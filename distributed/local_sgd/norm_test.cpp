#include "distributed/local_sgd/norm_test.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <ATen/ops/mean.h>
#include <ATen/ops/norm.h>
#include <ATen/ops/sub.h>

#include "core/config.h"
#include "core/errors.h"

namespace quasar {
namespace {

/// sum_i |g_i - mean|^2, which rounding must not make negative.
double squared_deviations(const GradientSums& gradients) {
  return std::max(0.0, gradients.squared_norms - static_cast<double>(gradients.count) * gradients.squared_norm_of_mean);
}

}  // namespace

double squared_norm(const at::Tensor& flat) {
  const double norm = at::norm(flat).item<double>();
  return norm * norm;
}

double variance_of_rows(const at::Tensor& gradients) {
  const at::Tensor deviations = gradients.sub(gradients.mean(0, true));
  return deviations.square().sum(at::kDouble).item<double>() / static_cast<double>(gradients.size(0) - 1);
}

double variance_of_gradients(const GradientSums& gradients) {
  return static_cast<double>(gradients.samples) * squared_deviations(gradients) /
         static_cast<double>(gradients.count - 1);
}

double pooled_variance(const GradientSums& workers, double sum_of_variances) {
  const auto b = static_cast<double>(workers.samples);
  return ((b - 1.0) * sum_of_variances + b * squared_deviations(workers)) /
         static_cast<double>(workers.count * workers.samples - 1);
}

std::int64_t NormTest::next_local_size(double variance, double squared_gradient_norm, std::int64_t local_size,
                                       int workers) const {
  if (!std::isfinite(variance) || !std::isfinite(squared_gradient_norm))
    throw NumericalError("the norm test got a gradient that is not finite (variance " + std::to_string(variance) +
                         ", squared norm " + std::to_string(squared_gradient_norm) + ")");
  if (variance <= 0.0) return local_size;
  const double wanted = std::ceil(variance / (tolerance * tolerance * squared_gradient_norm));
  const double wanted_locally = std::ceil(wanted / workers);
  if (!(wanted_locally < static_cast<double>(max_local_size))) return std::max(local_size, max_local_size);
  return std::max(local_size, static_cast<std::int64_t>(wanted_locally));
}

NormTest NormTest::read(const Config& config) {
  const NormTest defaults;
  return {.tolerance = config.number("norm_test.tolerance", positive(), defaults.tolerance),
          .max_local_size = config.integer("norm_test.max_local_size", at_least(1), defaults.max_local_size)};
}

}  // namespace quasar
