// Links the NCCL path on machines that cannot run it; where a GPU is at hand, `nccl_link run` averages on it.
#include <cstdio>
#include <cstring>

#include <ATen/ATen.h>
#include <torch/csrc/distributed/c10d/HashStore.hpp>

#include "distributed/engine/nccl_group.h"

int main(int argc, char** argv) {
  if (argc < 2 || std::strcmp(argv[1], "run") != 0) return 0;
  const auto group =
      quasar::make_nccl_group(c10::make_intrusive<c10d::HashStore>(), 0, 1, std::chrono::milliseconds(60'000));
  std::vector<at::Tensor> tensors{at::ones({4}, at::device(at::kCUDA))};
  group->allreduce(tensors)->wait();
  const double sum = tensors[0].sum().item<double>();
  std::printf("sum %g, expected 4\n", sum);
  return sum == 4.0 ? 0 : 1;
}
