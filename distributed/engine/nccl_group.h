#pragma once

#include <chrono>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace quasar {

/// The process group of workers on GPUs, one device each; needs QUASAR_NCCL, elsewhere it is only compiled and linked.
c10::intrusive_ptr<c10d::Backend> make_nccl_group(const c10::intrusive_ptr<c10d::Store>& store, int rank, int count,
                                                  std::chrono::milliseconds timeout);

}  // namespace quasar
