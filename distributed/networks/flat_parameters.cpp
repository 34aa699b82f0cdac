#include "distributed/networks/flat_parameters.h"

#include <map>
#include <sstream>

#include <torch/nn/module.h>

#include "core/errors.h"

namespace quasar {
namespace {

constexpr const char* kCounter = "num_batches_tracked";

std::vector<std::int64_t> strides_of(at::IntArrayRef shape, bool channels_last) {
  if (channels_last && shape.size() == 4) return c10::get_channels_last_strides_2d(shape);
  const auto strides = c10::contiguous_strides(shape);
  return {strides.begin(), strides.end()};
}

/// The tensors of these that `take` accepts go behind each other, from `offset` on.
template <class Take>
std::int64_t append(const torch::OrderedDict<std::string, at::Tensor>& tensors, std::int64_t offset, bool in_buffers,
                    bool channels_last, const Take& take, std::vector<FlatParameters::Entry>& entries) {
  for (const auto& item : tensors) {
    const at::Tensor& tensor = item.value();
    if (!take(item.key(), tensor)) continue;
    entries.push_back(
        {item.key(), offset, tensor.sizes().vec(), strides_of(tensor.sizes(), channels_last), in_buffers});
    offset += tensor.numel();
  }
  return offset;
}

bool same_view(const at::Tensor& a, const at::Tensor& b) {
  return a.defined() && a.data_ptr() == b.data_ptr() && a.sizes() == b.sizes() && a.strides() == b.strides() &&
         a.scalar_type() == b.scalar_type();
}

std::string shape_text(at::IntArrayRef shape) {
  std::ostringstream text;
  text << shape;
  return text.str();
}

}  // namespace

FlatParameters::FlatParameters(torch::nn::Module& module, at::ScalarType type, bool channels_last) {
  const at::NoGradGuard no_grad;
  auto parameters = module.named_parameters();
  auto statistics = module.named_buffers();
  const auto is_weight = [](const std::string&, const at::Tensor& t) { return t.dim() > 1; };
  const auto is_other = [](const std::string&, const at::Tensor& t) { return t.dim() <= 1; };
  decayed = append(parameters, 0, false, channels_last, is_weight, entries);
  const std::int64_t size = append(parameters, decayed, false, channels_last, is_other, entries);
  const auto ends_in = [](const char* end) {
    return [end](const std::string& name, const at::Tensor&) { return name.ends_with(end); };
  };
  std::int64_t buffered = append(statistics, 0, true, false, ends_in("running_mean"), entries);
  buffered = append(statistics, buffered, true, false, ends_in("running_var"), entries);

  const auto device = parameters.is_empty() ? at::Device(at::kCPU) : parameters.front().value().device();
  values = at::zeros({size}, at::TensorOptions(type).device(device));
  gradients = at::zeros_like(values);
  buffers = at::zeros({buffered}, values.options());
  for (const Entry& entry : entries) {
    at::Tensor tensor = entry.in_buffers ? statistics[entry.name] : parameters[entry.name];
    const at::Tensor own = view(entry, values, buffers);
    own.copy_(tensor);
    tensor.set_data(own);
    if (!entry.in_buffers) tensor.mutable_grad() = view(entry, gradients, buffers);
  }
}

at::Tensor FlatParameters::view(const Entry& entry, const at::Tensor& flat_values,
                                const at::Tensor& flat_buffers) const {
  return (entry.in_buffers ? flat_buffers : flat_values).as_strided(entry.shape, entry.strides, entry.offset);
}

bool FlatParameters::hold(const torch::nn::Module& module) const {
  const auto parameters = module.named_parameters();
  const auto statistics = module.named_buffers();
  for (const Entry& entry : entries) {
    const at::Tensor* tensor = (entry.in_buffers ? statistics : parameters).find(entry.name);
    if (tensor == nullptr || !same_view(*tensor, view(entry, values, buffers))) return false;
    if (!entry.in_buffers && !same_view(tensor->grad(), view(entry, gradients, buffers))) return false;
  }
  return true;
}

NamedTensors FlatParameters::named_tensors(const at::Tensor& flat_values, const at::Tensor& flat_buffers) const {
  NamedTensors result;
  for (const Entry& entry : entries)
    result.emplace_back(entry.name,
                        view(entry, flat_values, flat_buffers).detach().clone(at::MemoryFormat::Contiguous));
  return result;
}

void FlatParameters::assign(const NamedTensors& tensors, const std::string& source) {
  std::map<std::string, at::Tensor> by_name(tensors.begin(), tensors.end());
  std::string problems;
  for (const Entry& entry : entries) {
    const auto found = by_name.find(entry.name);
    if (found == by_name.end())
      problems += "\n  missing: " + entry.name + " " + shape_text(entry.shape);
    else if (found->second.sizes() != at::IntArrayRef(entry.shape))
      problems += "\n  " + entry.name + " has shape " + shape_text(found->second.sizes()) + ", the network's has " +
                  shape_text(entry.shape);
  }
  for (const Entry& entry : entries) by_name.erase(entry.name);
  for (const auto& [name, tensor] : by_name)
    if (!name.ends_with(kCounter)) problems += "\n  unexpected: " + name + " " + shape_text(tensor.sizes());
  if (!problems.empty()) throw DataError(source + " does not fit the network (network.*):" + problems);

  const at::NoGradGuard no_grad;
  by_name = {tensors.begin(), tensors.end()};
  for (const Entry& entry : entries) view(entry, values, buffers).copy_(by_name.at(entry.name));
}

}  // namespace quasar
