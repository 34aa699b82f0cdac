#include "distributed/networks/flat_parameters.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "distributed/optimizers/optimizer.h"
#include "tests/distributed/images_for_tests.h"

namespace quasar {
namespace {

/// As the workers have it; more threads than free cores would only slow the tests down.
struct OneThread : testing::Environment {
  void SetUp() override { at::set_num_threads(1); }
};
[[maybe_unused]] const auto* const kOneThread = testing::AddGlobalTestEnvironment(new OneThread);

ImageNetworkOptions small_resnet() {
  return {.name = "resnet20", .width = 8, .norm = Normalization::batch, .rows = 8, .cols = 8, .classes = 4};
}

struct Case {
  at::ScalarType type;
  bool channels_last;
};

class Views : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(FlatParameters, Views,
                         testing::Values(Case{at::kFloat, false}, Case{at::kFloat, true}, Case{at::kDouble, false},
                                         Case{at::kDouble, true}));

TEST_P(Views, SurviveTrainingAveragingAndZeroing) {
  const auto network = make_image_network(small_resnet(), 1);
  FlatParameters flat(*network, GetParam().type, GetParam().channels_last);
  ASSERT_TRUE(flat.hold(*network));
  Optimizer optimizer({Sgd{.momentum = 0.9, .weight_decay = 1e-4}}, flat.values, flat.decayed);
  at::Tensor images = numbered_normals({6, 3, 8, 8}, 2, GetParam().type);
  if (GetParam().channels_last) images = images.contiguous(at::MemoryFormat::ChannelsLast);
  double first = 0, last = 0;
  for (int step = 0; step < 12; ++step) {
    last = loss_and_gradient(*network, images, cyclic_labels(6, 4));
    if (step == 0) first = last;
    EXPECT_GT(flat.gradients.abs().sum().item<double>(), 0.0);
    optimizer.step(flat.values, flat.gradients, 0.05);
    flat.gradients.zero_();
    if (step == 5) flat.values.copy_(flat.values.clone().mul_(0.5).add_(flat.values, 0.5));  // as an average does
    ASSERT_TRUE(flat.hold(*network)) << "after step " << step;
  }
  EXPECT_LT(last, 0.5 * first) << "the module does not see the steps on the flat values";
  const auto strides = network->named_parameters()["layer1.0.conv1.weight"].strides().vec();
  EXPECT_EQ(strides, GetParam().channels_last ? (std::vector<std::int64_t>{72, 1, 24, 8})
                                              : (std::vector<std::int64_t>{72, 9, 3, 1}));
}

TEST(FlatParameters, AParameterWithoutAGradientHasAZeroOne) {
  const auto network = make_image_network({.name = "mlp", .width = 3, .depth = 2, .rows = 2, .cols = 2}, 1);
  const FlatParameters flat(*network, at::kFloat, false);
  const at::Tensor only_first = network->named_parameters()["fc1.weight"].square().sum();
  torch::autograd::backward({only_first}, {});
  EXPECT_TRUE(flat.hold(*network));
  EXPECT_GT(flat.gradients.narrow(0, 0, 36).abs().min().item<double>(), 0.0);
  EXPECT_EQ(flat.gradients.narrow(0, 36, flat.gradients.numel() - 36).abs().max().item<double>(), 0.0);
}

TEST(FlatParameters, NoticesATensorThatIsNoLongerAView) {
  for (const char* name : {"conv1.weight", "bn1.running_var", "gradient"}) {
    const auto network = make_image_network(small_resnet(), 1);
    const FlatParameters flat(*network, at::kFloat, true);
    at::Tensor tensor = std::string(name) == "bn1.running_var" ? network->named_buffers()[name]
                                                               : network->named_parameters()["conv1.weight"];
    if (std::string(name) == "gradient")
      tensor.mutable_grad() = at::Tensor();
    else
      tensor.set_data(tensor.detach().clone());
    EXPECT_FALSE(flat.hold(*network)) << name;
  }
}

TEST(FlatParameters, DecayedOnesComeFirstAndNormsAndBiasesBehind) {
  const auto network = make_image_network(small_resnet(), 1);
  const FlatParameters flat(*network, at::kFloat, false);
  std::int64_t offset = 0, buffered = 0;
  bool running_var_seen = false;
  for (const FlatParameters::Entry& entry : flat.entries) {
    EXPECT_EQ(entry.offset, entry.in_buffers ? buffered : offset) << entry.name;
    (entry.in_buffers ? buffered : offset) += c10::multiply_integers(entry.shape);
    if (!entry.in_buffers) {
      EXPECT_EQ(entry.offset<flat.decayed, entry.shape.size()> 1) << entry.name;
      continue;
    }
    running_var_seen |= entry.name.ends_with("running_var");
    EXPECT_EQ(entry.offset >= flat.buffers.numel() / 2, entry.name.ends_with("running_var")) << entry.name;
  }
  EXPECT_EQ(offset, flat.values.numel());
  EXPECT_EQ(buffered, flat.buffers.numel());
  EXPECT_TRUE(running_var_seen);
}

TEST(FlatParameters, NamedTensorsMoveANetworkToAnotherLayoutAndType) {
  const auto source = make_image_network(small_resnet(), 1), target = make_image_network(small_resnet(), 2);
  FlatParameters from(*source, at::kFloat, true), to(*target, at::kDouble, false);
  from.buffers.copy_(numbered_normals({from.buffers.numel()}, 3).abs());
  NamedTensors tensors = from.named_tensors();
  for (const auto& [name, tensor] : tensors) EXPECT_TRUE(tensor.is_contiguous()) << name;
  tensors.emplace_back("bn1.num_batches_tracked", at::zeros({}, at::kLong));
  to.assign(tensors, "weights.safetensors");
  source->eval();
  target->eval();
  const at::Tensor images = numbered_normals({2, 3, 8, 8}, 4);
  EXPECT_LT(largest_difference(source->forward(images), target->forward(images.to(at::kDouble))), 1e-5);
  EXPECT_TRUE(to.hold(*target));
  EXPECT_EQ(to.named_tensors(from.values, from.buffers).size(), from.entries.size());
}

TEST(FlatParameters, AssignNamesEverythingThatDoesNotFitAndChangesNothing) {
  const auto network = make_image_network(small_resnet(), 1);
  FlatParameters flat(*network, at::kFloat, false);
  const at::Tensor before = flat.values.clone();
  NamedTensors tensors = flat.named_tensors();
  for (auto& [name, tensor] : tensors) {
    tensor = tensor + 1;
    if (name == "conv1.weight") tensor = tensor.narrow(1, 0, 1);
    if (name == "bn1.weight") name = "norm.weight";
  }
  try {
    flat.assign(tensors, "w.safetensors");
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_THAT(
        error.what(),
        testing::AllOf(testing::HasSubstr("w.safetensors"), testing::HasSubstr("missing: bn1.weight [8]"),
                       testing::HasSubstr("unexpected: norm.weight [8]"),
                       testing::HasSubstr("conv1.weight has shape [8, 1, 3, 3], the network's has [8, 3, 3, 3]")));
  }
  EXPECT_TRUE(flat.values.equal(before));
}

}  // namespace
}  // namespace quasar
