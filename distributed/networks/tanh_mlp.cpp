#include "distributed/networks/tanh_mlp.h"

#include <cmath>

#include <ATen/ATen.h>

#include "core/random.h"

namespace quasar {

std::vector<std::string> TanhMlp::parameter_names() {
  return {"hidden.weight", "hidden.bias", "output.weight", "output.bias"};
}

std::vector<std::vector<std::int64_t>> TanhMlp::shapes() const {
  return {{width_, inputs_}, {width_}, {outputs_, width_}, {outputs_}};
}

std::int64_t TanhMlp::parameter_count() const {
  return std::int64_t{width_} * (inputs_ + 1) + std::int64_t{outputs_} * (width_ + 1);
}

std::vector<at::Tensor> TanhMlp::views(const at::Tensor& flat, std::int64_t replicas) const {
  std::vector<at::Tensor> result;
  std::int64_t offset = 0;
  for (std::vector<std::int64_t> shape : shapes()) {
    shape.insert(shape.begin(), replicas);
    const std::int64_t size = c10::multiply_integers(shape);
    result.push_back(flat.narrow(0, offset, size).view(shape));
    offset += size;
  }
  return result;
}

at::Tensor TanhMlp::forward(const std::vector<at::Tensor>& views, const at::Tensor& inputs) const {
  const at::Tensor hidden = at::baddbmm(views[1].unsqueeze(1), inputs, views[0].transpose(1, 2)).tanh();
  return at::baddbmm(views[3].unsqueeze(1), hidden, views[2].transpose(1, 2));
}

at::Tensor TanhMlp::flat_to_rows(const at::Tensor& flat, std::int64_t replicas) const {
  std::vector<at::Tensor> columns;
  for (const at::Tensor& view : views(flat, replicas)) columns.push_back(view.reshape({replicas, -1}));
  return at::cat(columns, 1);
}

at::Tensor TanhMlp::rows_to_flat(const at::Tensor& rows) const {
  std::vector<at::Tensor> parts;
  std::int64_t offset = 0;
  for (const auto& shape : shapes()) {
    const std::int64_t size = c10::multiply_integers(shape);
    parts.push_back(rows.narrow(1, offset, size).reshape({-1}));
    offset += size;
  }
  return at::cat(parts);
}

at::Tensor TanhMlp::start_parameters(std::uint64_t seed, at::ScalarType type) const {
  at::Tensor parameters = at::zeros({parameter_count()}, at::kDouble);
  double* values = parameters.data_ptr<double>();
  const double scales[] = {2.0 / std::sqrt(inputs_), 0.1, 1.0 / std::sqrt(width_), 0.0};
  std::int64_t at = 0;
  for (std::uint32_t tensor = 0; tensor < 4; ++tensor) {
    const std::int64_t size = c10::multiply_integers(shapes()[tensor]);
    float normal[4];
    for (std::int64_t i = 0; i < size; ++i) {
      const auto block = static_cast<std::uint64_t>(i / 4);
      if (i % 4 == 0)
        normals({.seed = seed, .use = Use::network_start, .replica = 0, .step = block, .lane = tensor}, normal);
      values[at++] = scales[tensor] * normal[i % 4];
    }
  }
  return parameters.to(type);
}

}  // namespace quasar
