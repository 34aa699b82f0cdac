#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace quasar {

/// A network of one hidden tanh layer, f(x) = W2 tanh(W1 x + b1) + b2, of which R replicas run as one batch.
///
/// The parameters of R replicas lie in one flat buffer, tensor after tensor, so that each view is contiguous:
///   hidden.weight (R, h, p) · hidden.bias (R, h) · output.weight (R, o, h) · output.bias (R, o)
class TanhMlp {
 public:
  TanhMlp(int inputs, int width, int outputs) : inputs_(inputs), width_(width), outputs_(outputs) {}

  int inputs() const { return inputs_; }
  int width() const { return width_; }
  int outputs() const { return outputs_; }

  /// As torch would name them, in the order of the buffer.
  static std::vector<std::string> parameter_names();
  /// d, of one replica.
  std::int64_t parameter_count() const;

  /// The four tensors as views of a flat buffer of R d numbers.
  std::vector<at::Tensor> views(const at::Tensor& flat, std::int64_t replicas) const;

  /// Outputs (R, b, o) of inputs (R, b, p); differentiable any number of times in the views.
  ///
  /// The views of one replica, expanded over R, are as good: one backward pass then gives R gradients.
  at::Tensor forward(const std::vector<at::Tensor>& views, const at::Tensor& inputs) const;

  /// (R, d), one row a replica, from the flat buffer; and back. Both copy.
  at::Tensor flat_to_rows(const at::Tensor& flat, std::int64_t replicas) const;
  at::Tensor rows_to_flat(const at::Tensor& rows) const;

  /// A random start (d): W1 ~ N(0, 4/p), b1 ~ N(0, 0.01), W2 ~ N(0, 1/h), b2 = 0.
  at::Tensor start_parameters(std::uint64_t seed, at::ScalarType type) const;

 private:
  std::vector<std::vector<std::int64_t>> shapes() const;

  int inputs_, width_, outputs_;
};

}  // namespace quasar
