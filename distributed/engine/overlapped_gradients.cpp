#include "distributed/engine/overlapped_gradients.h"

#include <algorithm>

#include <torch/csrc/distributed/c10d/reducer.hpp>

#include "core/errors.h"

namespace quasar {
namespace {

/// Sends the buckets through the worker, which counts them and ends the wait when a peer fails.
class AverageBucket final : public c10d::CppCommHookInterface<Worker*> {
 public:
  using CppCommHookInterface::CppCommHookInterface;
  c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket& bucket) override {
    return state_->start_average(bucket.getBufferRef());
  }
};

}  // namespace

OverlappedGradients::OverlappedGradients(std::vector<at::Tensor> parameters, Worker& worker,
                                         std::int64_t bucket_bytes) {
  if (worker.count() == 1) return;
  // Reducer trusts that all workers have the same parameters; a difference would be a wrong sum or a crash.
  at::Tensor shape = at::empty({2}, at::kLong);
  shape[0] = static_cast<std::int64_t>(parameters.size());
  shape[1] = 0;
  for (const at::Tensor& parameter : parameters) shape[1] += parameter.numel();
  const at::Tensor all = worker.gather(shape);
  if (!all.eq(shape).all().item<bool>())
    throw PeerError("the workers have different parameters: " + std::to_string(parameters.size()) +
                    " tensors in rank " + std::to_string(worker.rank()));

  const auto bytes = static_cast<std::size_t>(bucket_bytes);
  auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(parameters, {bytes});
  // Backward reaches the last parameters first.
  std::reverse(buckets.begin(), buckets.end());
  const std::vector<bool> sparse(parameters.size(), false);
  reducer_ = std::make_unique<c10d::Reducer>(
      std::move(parameters), std::move(buckets), worker.process_group(), sparse, bucket_bytes,
      /*find_unused_parameters=*/false,
      /*gradient_as_bucket_view=*/false, std::unordered_map<std::size_t, std::string>{}, bucket_bytes,
      /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false, std::vector<std::int64_t>{});
  reducer_->register_comm_hook(std::make_unique<AverageBucket>(&worker));
}

OverlappedGradients::~OverlappedGradients() = default;

void OverlappedGradients::before_forward() {
  if (!reducer_) return;
  // Once, after the first backward: the buckets follow the order in which gradients really come.
  reducer_->rebuild_buckets();
  reducer_->prepare_for_forward();
}

void OverlappedGradients::before_backward(const std::vector<at::Tensor>& outputs) {
  if (reducer_) reducer_->prepare_for_backward(outputs);
}

}  // namespace quasar
