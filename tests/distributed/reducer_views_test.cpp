#include <thread>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include "distributed/networks/flat_parameters.h"
#include "tests/distributed/images_for_tests.h"

namespace quasar {
namespace {

c10::intrusive_ptr<c10d::ProcessGroup> join(const c10::intrusive_ptr<c10d::Store>& store, int rank, int count) {
  auto options = c10d::ProcessGroupGloo::Options::create(std::chrono::seconds(60));
  options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
  options->threads = 1;
  const auto gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(c10::make_intrusive<c10d::PrefixStore>("gloo", store),
                                                                rank, count, options);
  auto group =
      c10::make_intrusive<c10d::ProcessGroup>(c10::make_intrusive<c10d::PrefixStore>("group", store), rank, count);
  group->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::BackendType::GLOO, gloo);
  return group;
}

TEST(FlatParameters, ViewsSurviveC10dsReducerWhichLeavesTheAverageInTheFlatGradients) {
  constexpr int kWorkers = 2;
  const ImageNetworkOptions options{.name = "resnet20", .width = 8, .norm = Normalization::group, .rows = 8, .cols = 8};
  const at::Tensor images = numbered_normals({kWorkers, 4, 3, 8, 8}, 1), labels = cyclic_labels(4, 10);
  at::Tensor expected;
  for (int k = 0; k < kWorkers; ++k) {
    const auto network = make_image_network(options, 1);
    const FlatParameters flat(*network, at::kFloat, true);
    loss_and_gradient(*network, images[k], labels);
    expected = k == 0 ? flat.gradients / kWorkers : expected + flat.gradients / kWorkers;
  }
  const auto store = c10::make_intrusive<c10d::HashStore>();
  std::vector<std::thread> threads;
  for (int rank = 0; rank < kWorkers; ++rank)
    threads.emplace_back([&, rank] {
      at::set_num_threads(1);
      const auto group = join(store, rank, kWorkers);
      const auto network = make_image_network(options, 1);
      FlatParameters flat(*network, at::kFloat, true);
      const auto parameters = network->parameters();
      constexpr std::int64_t kBucketBytes = 1 << 16;
      auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(parameters, {kBucketBytes});
      std::reverse(buckets.begin(), buckets.end());
      EXPECT_GT(buckets.size(), 1u);
      c10d::Reducer reducer(parameters, buckets, group, std::vector<bool>(parameters.size(), false), kBucketBytes,
                            /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/false, {}, kBucketBytes,
                            /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false, {});
      for (int step = 0; step < 3; ++step) {
        flat.gradients.zero_();
        reducer.prepare_for_forward();
        const at::Tensor logits = network->forward(images[rank]);
        reducer.prepare_for_backward({logits});
        torch::autograd::backward({at::cross_entropy_loss(logits, labels)}, {});
        EXPECT_TRUE(flat.hold(*network)) << "after step " << step;
        EXPECT_LT(largest_difference(flat.gradients, expected), 1e-5) << "after step " << step;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(expected.abs().max().item<double>(), 1e-2) << "the comparison could not fail";
}

}  // namespace
}  // namespace quasar
