#include "distributed/local_sgd/replica_check.h"

#include <string>

#include <ATen/ATen.h>

#include "core/errors.h"
#include "distributed/local_sgd/parameter_hash.h"

namespace quasar {
namespace {

/// The first place where two tensors' bits differ, or -1.
std::int64_t first_difference(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor bits_differ = a.view(at::kByte).ne(b.view(at::kByte));
  if (!bits_differ.any().item<bool>()) return -1;
  return bits_differ.to(at::kByte).argmax().item<std::int64_t>() / a.element_size();
}

}  // namespace

void require_equal_replicas(Worker& worker, Objective& objective, std::int64_t step) {
  const at::Tensor own = objective.parameters().cpu();
  const auto hash = static_cast<std::int64_t>(parameter_hash(own));
  const at::Tensor hashes = worker.gather(at::tensor({hash}, at::kLong));
  if (hashes.eq(hashes[0]).all().item<bool>()) return;
  at::Tensor of_rank_0 = own.clone();
  worker.broadcast(of_rank_0);
  const at::Tensor places = worker.gather(at::tensor({first_difference(own, of_rank_0)}, at::kLong));
  std::string message = "after the average at step " + std::to_string(step) + " the workers' parameters differ";
  for (std::int64_t rank = 0; rank < places.size(0); ++rank)
    if (const auto place = places[rank].item<std::int64_t>(); place >= 0)
      message += "; rank " + std::to_string(rank) + " from rank 0 in '" + objective.name_of(place) + "'";
  throw PeerError(message + ". That is damaged memory or a fault of the program; go on from the last checkpoint");
}

void flip_a_bit(at::Tensor& parameters) {
  auto* bytes = static_cast<unsigned char*>(parameters.data_ptr());
  bytes[parameters.numel() / 2 * parameters.element_size()] ^= 1;
}

}  // namespace quasar
