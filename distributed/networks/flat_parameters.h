#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

namespace torch::nn {
class Module;
}

namespace quasar {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// All numbers of a module in three flat tensors, of which the module's own tensors are views from then on.
///
/// So averaging is one collective, the optimiser one pass, and a gradient that no backward pass has touched is zero
/// rather than missing. What keeps the views: in-place operations on the flat tensors, backward passes. What breaks
/// them: assigning to a parameter or to .grad, Module::to, Module::zero_grad (it drops .grad; zero `gradients`).
class FlatParameters {
 public:
  struct Entry {
    std::string name;
    std::int64_t offset;
    std::vector<std::int64_t> shape, strides;
    bool in_buffers;
  };

  /// Copies the module's present numbers, and turns its tensors into views of type `type`.
  ///
  /// channels_last  weights of four dimensions lie as (outputs, rows, cols, inputs)
  FlatParameters(torch::nn::Module& module, at::ScalarType type, bool channels_last);

  at::Tensor values;          ///< parameters: first those with weight decay, then norms' weights and all biases
  at::Tensor gradients;       ///< in the same order
  at::Tensor buffers;         ///< batch norm: first all running means, then all running variances; may be empty
  std::int64_t decayed = 0;   ///< the first so many values take weight decay
  std::vector<Entry> entries; /**< in the order of their tensors; batch norm's counters of batches are left out */

  /// Whether every parameter, its gradient and every buffer of the module is still a view with its strides.
  bool hold(const torch::nn::Module& module) const;

  /// Contiguous copies by name, of these or of other flat tensors of the same layout (an average, say).
  NamedTensors named_tensors() const { return named_tensors(values, buffers); }
  NamedTensors named_tensors(const at::Tensor& flat_values, const at::Tensor& flat_buffers) const;

  /// Copies tensors found by name into values and buffers, converting their type.
  ///
  /// source  what an error calls their origin
  /// throws  DataError listing every name that is missing, unexpected or of another shape; then nothing has changed.
  ///         Counters named *.num_batches_tracked are ignored.
  void assign(const NamedTensors& tensors, const std::string& source);

 private:
  at::Tensor view(const Entry& entry, const at::Tensor& flat_values, const at::Tensor& flat_buffers) const;
};

}  // namespace quasar
