#pragma once

#include <ATen/ATen.h>

#include "distributed/local_sgd/autocast_guard.h"
#include "distributed/local_sgd/image_task.h"

namespace quasar {

inline ImageLayout layout_of(const ImageTask& task) {
  return task.channels_last ? ImageLayout::channels_last : ImageLayout::channels_first;
}

/// A network on flat buffers with the reader of its batches, in one precision.
template <class Real>
class ImageModel {
 public:
  explicit ImageModel(const ImageTask& task)
      : task_(task),
        batches_(make_batches<Real>(task.data, Split::train, task.augmentation, layout_of(task))),
        network_(make_on_device(task)),
        flat(*network_, at::CppTypeToScalarType<Real>::value, task.channels_last) {}

  /// An uninitialised batch (b, C, H, W) on the host, in this model's memory layout.
  at::Tensor make_inputs(std::int64_t count) const {
    const ImageNetworkOptions& n = task_.network;
    const auto type = at::CppTypeToScalarType<Real>::value;
    if (!task_.channels_last) return at::empty({count, n.channels, n.rows, n.cols}, type);
    return at::empty({count, n.rows, n.cols, n.channels}, type).permute({0, 3, 1, 2});
  }

  /// On the model's device, whatever the inputs'.
  at::Tensor logits(const at::Tensor& host_inputs) {
    const at::Tensor inputs = host_inputs.to(task_.device, /*non_blocking=*/true);
    const AutocastGuard autocast(task_.precision, task_.device.type());
    return network_->forward(inputs).to(at::CppTypeToScalarType<Real>::value);
  }

  /// Of training, augmented.
  const ImageBatches<Real>& batches() const { return *batches_; }
  ImageNetwork& network() { return *network_; }

 private:
  static std::shared_ptr<ImageNetwork> make_on_device(const ImageTask& task) {
    auto network = make_image_network(task.network, task.seed);
    network->to(task.device);
    return network;
  }

  const ImageTask task_;
  std::unique_ptr<ImageBatches<Real>> batches_;
  std::shared_ptr<ImageNetwork> network_;

 public:
  FlatParameters flat;
};

}  // namespace quasar
