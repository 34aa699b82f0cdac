#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace quasar {

class Config;

/// What gradients of equally many samples each say about their noise; sums, so that workers can add theirs.
struct GradientSums {
  double squared_norms = 0.0;         ///< sum_i |g_i|^2
  double squared_norm_of_mean = 0.0;  ///< |mean of the g_i|^2
  std::int64_t count = 0;             ///< how many g_i
  std::int64_t samples = 1;           ///< of which each g_i is the mean gradient
};

/// |x|^2
double squared_norm(const at::Tensor& flat);

// All estimate |Var(grad F_i)|_1, the sum over the coordinates of the variance of one sample's gradient, without bias.

/// (1/(n-1)) sum_i |g_i - mean|^2 of the rows (n, d); n >= 2.
double variance_of_rows(const at::Tensor& gradients);

/// m (sum_i |g_i|^2 - n |mean|^2) / (n - 1): of per-sample gradients (m = 1), micro-batches of m samples, or workers'
/// gradients (m = b); n >= 2.
///
/// Not for gradients that hardly differ: the difference of the sums loses digits that variance_of_rows keeps.
double variance_of_gradients(const GradientSums& gradients);

/// [(b-1) sum_k s_k^2 + b (sum_k |g_k|^2 - K |mean|^2)] / (K b - 1): of all K b samples at once.
///
/// workers             one g_k a worker, of b samples each
/// sum_of_variances    sum_k s_k^2, where s_k^2 is worker k's own variance_of_rows
double pooled_variance(const GradientSums& workers, double sum_of_variances);

/// Local batch sizes that keep the gradient's noise below its size.            Lau et al. 2024 (arXiv:2406.13936)
struct NormTest {
  double tolerance = 0.8;  ///< theta; the paper's eta, never a learning rate
  std::int64_t max_local_size = 1 << 20;

  /// The next local batch: max(b, ceil(B' / K)) of at most max_local_size, B' = ceil(|Var|_1 / (theta^2 |g|^2)).
  ///
  /// The test |Var|_1 / (K b) <= theta^2 |g|^2 holds if and only if B' <= K b, and then b stays.
  ///
  /// variance               |Var|_1 of one sample's gradient
  /// squared_gradient_norm  |g|^2 of the mean over all K b samples
  /// throws                 NumericalError if they are not finite
  std::int64_t next_local_size(double variance, double squared_gradient_norm, std::int64_t local_size,
                               int workers) const;

  /// Reads `norm_test.tolerance` and `norm_test.max_local_size`.
  static NormTest read(const Config& config);
};

}  // namespace quasar
