#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

namespace torch::nn {
class Module;
}

namespace quasar {

/// Replaces the workers' running statistics by those of their data together:
///
///   mean = average of m_k,  variance = average of v_k + average of (m_k - mean)^2
///
/// buffers  FlatParameters::buffers: all means, then all variances
/// average  replaces a tensor by its average over the workers; called twice, on half the buffers
void pool_batch_norm(at::Tensor& buffers, const std::function<void(at::Tensor&)>& average);

/// The same of several workers here; workers of equal shares may be pooled group by group.
at::Tensor pool_batch_norm(const std::vector<at::Tensor>& buffers);

/// Sets the running statistics to the exact average of the mean and (unbiased) variance of n batches.
///
/// Made for a scratch copy of the network: it is left in evaluation mode, its buffers changed, its parameters not.
///
/// buffers  those of the module's FlatParameters
/// forward  runs batch i through the module, which is in training mode without gradients then
void reestimate_batch_norm(torch::nn::Module& module, at::Tensor& buffers, std::int64_t batches,
                           const std::function<void(std::int64_t batch)>& forward);

}  // namespace quasar
