#include "distributed/local_sgd/skipped_samples.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "distributed/data/damaged_samples.h"

namespace quasar {

void add_skipped(const TrainingTask& task, Worker& worker, SkippedSamples& skipped) {
  for (const auto& [name, split] : {std::pair{"train", Split::train}, std::pair{"test", Split::test}}) {
    const DamagedSamples* damaged = task.damaged(split);
    if (damaged == nullptr) continue;
    std::set<std::int64_t>& all = skipped[name];
    const std::vector<std::int64_t> own = damaged->samples();  // once, as workers that are threads share them
    at::Tensor most = at::tensor({static_cast<std::int64_t>(own.size())}, at::kLong);
    worker.maximum(most);
    if (most.item<std::int64_t>() == 0) continue;
    at::Tensor padded = at::full({most.item<std::int64_t>()}, std::int64_t{-1}, at::kLong);
    std::copy(own.begin(), own.end(), padded.data_ptr<std::int64_t>());
    const at::Tensor gathered = worker.gather(padded).contiguous();
    const auto* samples = gathered.data_ptr<std::int64_t>();
    std::copy_if(samples, samples + gathered.numel(), std::inserter(all, all.end()),
                 [](std::int64_t sample) { return sample >= 0; });
  }
}

}  // namespace quasar
