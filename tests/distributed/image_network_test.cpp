#include "distributed/networks/image_network.h"

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/config.h"
#include "core/errors.h"
#include "distributed/networks/flat_parameters.h"
#include "tests/distributed/images_for_tests.h"

namespace quasar {
namespace {

/// The formula of optimizer_sequences.py.
at::Tensor wave(at::IntArrayRef shape, int number) {
  at::Tensor tensor = at::empty(shape, at::kDouble);
  for (std::int64_t i = 0; i < tensor.numel(); ++i)
    tensor.data_ptr<double>()[i] = std::sin(0.37 * std::pow(static_cast<double>(i), 1.1) + number);
  return tensor;
}

at::Tensor to_tensor(const nlohmann::json& rows) {
  std::vector<at::Tensor> result;
  for (const auto& row : rows) result.push_back(at::tensor(row.get<std::vector<double>>(), at::kDouble));
  return at::stack(result);
}

std::shared_ptr<ImageNetwork> network_of_waves(Normalization norm) {
  auto network = make_image_network({.name = "resnet20", .norm = norm}, 1);
  network->to(at::kDouble);
  const torch::NoGradGuard no_grad;
  int number = 0;
  for (auto& item : network->named_parameters()) {
    at::Tensor& p = item.value();
    if (p.dim() > 1)
      p.copy_(wave(p.sizes(), number) *
              std::sqrt(4.0 * static_cast<double>(p.size(0)) / static_cast<double>(p.numel())));
    else
      p.copy_(wave(p.sizes(), number) * 0.2 + (item.key().ends_with("weight") ? 1.0 : 0.0));
    ++number;
  }
  return network;
}

TEST(ResNet20, EqualsPyTorchsForwardGradientAndRunningStatistics) {
  std::ifstream in(QUASAR_SOURCE_DIR "/tests/distributed/resnet20.json");
  const auto references = nlohmann::json::parse(in);
  for (const bool channels_last : {false, true})
    for (const auto& reference : references["cases"]) {
      const auto network = network_of_waves(reference["norm"] == "batch" ? Normalization::batch : Normalization::group);
      const FlatParameters flat(*network, at::kDouble, channels_last);
      EXPECT_EQ(flat.values.numel(), reference["parameters"]);
      at::Tensor images = wave({4, 3, 32, 32}, 1000);
      if (channels_last) images = images.contiguous(at::MemoryFormat::ChannelsLast);
      const at::Tensor logits = network->forward(images);
      EXPECT_LT(largest_difference(logits, to_tensor(reference["logits"])), 1e-10);
      const at::Tensor loss = at::cross_entropy_loss(logits, cyclic_labels(4, 10));
      torch::autograd::backward({loss}, {});
      EXPECT_NEAR(loss.item<double>(), reference["loss"], 1e-10);
      ASSERT_EQ(network->named_parameters().size(), reference["gradients"].size());
      for (const auto& item : network->named_parameters()) {
        ASSERT_TRUE(reference["gradients"].contains(item.key())) << item.key();
        const auto expected = reference["gradients"][item.key()].get<std::vector<double>>();
        const at::Tensor g = item.value().grad();
        const double tolerance = 1e-9 * (1.0 + expected[0]);
        EXPECT_NEAR(g.norm().item<double>(), expected[0], tolerance) << item.key();
        EXPECT_NEAR((g * wave(g.sizes(), 7)).sum().item<double>(), expected[1], tolerance) << item.key();
      }
      ASSERT_EQ(network->named_buffers().size(), reference["running"].size());
      for (const auto& item : network->named_buffers())
        EXPECT_NEAR(item.value().sum().item<double>(), reference["running"][item.key()].get<double>(), 1e-9)
            << item.key();
      network->eval();
      EXPECT_LT(largest_difference(network->forward(images), to_tensor(reference["evaluation_logits"])), 1e-10);
    }
}

TEST(ResNet20, HasThePapersParameterCount) {
  const auto network = make_image_network({.name = "resnet20", .norm = Normalization::batch}, 1);
  std::int64_t count = 0;
  for (const at::Tensor& parameter : network->parameters()) count += parameter.numel();
  EXPECT_EQ(count, 269'722);  // He et al. 2016, table 6: 0.27 million
}

std::vector<ImageNetworkOptions> every_network() {
  std::vector<ImageNetworkOptions> all;
  for (const Activation activation : {Activation::tanh, Activation::relu})
    all.push_back({.name = "mlp", .width = 9, .depth = 2, .activation = activation});
  for (const Normalization norm : {Normalization::none, Normalization::batch, Normalization::group}) {
    all.push_back({.name = "cnn", .width = 8, .activation = Activation::silu, .norm = norm});
    // Smooth, since of 50,000 relus one always changes sides; ResNet-20 with relu is compared with PyTorch's above.
    all.push_back({.name = "resnet20", .width = 8, .activation = Activation::silu, .norm = norm});
  }
  const Activation silu = Activation::silu;
  all.push_back({.name = "resnet18", .width = 8, .activation = silu, .norm = Normalization::none, .stem = Stem::small});
  all.push_back({.name = "resnet50", .width = 2, .activation = silu, .norm = Normalization::none});
  for (const char* name : {"vit", "simple_vit"})
    all.push_back({.name = name, .width = 16, .depth = 2, .patch = 4, .heads = 2, .mlp_width = 24});
  for (ImageNetworkOptions& options : all)
    options.channels = 1, options.rows = 12, options.cols = 12, options.classes = 5;
  return all;
}

TEST(ImageNetwork, GradientEqualsFiniteDifferencesAlongDirections) {
  const at::Tensor images = numbered_normals({4, 1, 12, 12}, 1, at::kDouble), labels = cyclic_labels(4, 5);
  for (const ImageNetworkOptions& options : every_network()) {
    const auto network = make_image_network(options, 1);
    FlatParameters flat(*network, at::kDouble, false);
    // Away from the start, where zero biases put many activations on the kink of relu.
    flat.values.add_(numbered_normals({flat.values.numel()}, 2, at::kDouble), 0.03);
    loss_and_gradient(*network, images, labels);
    const at::Tensor gradient = flat.gradients.clone(), start = flat.values.clone();
    for (int number = 0; number < 3; ++number) {
      const at::Tensor direction = numbered_normals({flat.values.numel()}, 3 + number, at::kDouble);
      const double slope = (gradient * direction).sum().item<double>();
      constexpr double kStep = 1e-7;  // small enough to cross no kink, as a rule
      const auto loss_at = [&](double t) {
        flat.values.copy_(start + direction * t);
        return loss_and_gradient(*network, images, labels);
      };
      const double difference = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
      EXPECT_NEAR(difference, slope, 2e-6 * (1 + std::abs(slope)))
          << options.name << " norm " << static_cast<int>(options.norm);
      EXPECT_GT(std::abs(slope), 1e-3) << "the comparison could not fail";
    }
  }
}

TEST(ImageNetwork, ChannelsLastGivesTheSameNumbersToRounding) {
  for (const ImageNetworkOptions& options : every_network()) {
    const auto plain = make_image_network(options, 1), last = make_image_network(options, 1);
    FlatParameters plain_flat(*plain, at::kFloat, false), last_flat(*last, at::kFloat, true);
    const at::Tensor images = numbered_normals({4, 1, 12, 12}, 1), labels = cyclic_labels(4, 5);
    EXPECT_NEAR(loss_and_gradient(*plain, images, labels),
                loss_and_gradient(*last, images.contiguous(at::MemoryFormat::ChannelsLast), labels), 1e-5);
    const auto a = plain_flat.named_tensors(plain_flat.gradients, plain_flat.buffers);
    const auto b = last_flat.named_tensors(last_flat.gradients, last_flat.buffers);
    for (std::size_t i = 0; i < a.size(); ++i)
      EXPECT_LT(largest_difference(a[i].second, b[i].second), 1e-4 * (1 + a[i].second.abs().max().item<double>()))
          << options.name << " " << a[i].first;
  }
}

TEST(ImageNetwork, SeedAloneNamesTheStart) {
  const ImageNetworkOptions options{.name = "resnet20", .norm = Normalization::batch};
  const auto a = make_image_network(options, 1), b = make_image_network(options, 1), c = make_image_network(options, 2);
  ImageNetworkOptions with_groups = options;
  with_groups.norm = Normalization::group;
  const auto d = make_image_network(with_groups, 1);
  for (const auto& item : a->named_parameters()) {
    if (item.value().dim() < 2) continue;
    EXPECT_TRUE(item.value().equal(b->named_parameters()[item.key()]));
    EXPECT_TRUE(item.value().equal(d->named_parameters()[item.key()])) << "a norm must not shift the draws";
    EXPECT_FALSE(item.value().equal(c->named_parameters()[item.key()]));
    EXPECT_FALSE(item.value().flatten()[0].equal(a->named_parameters()["conv1.weight"].flatten()[0]) &&
                 item.key() != "conv1.weight")
        << "every parameter has its own stream";
  }
}

TEST(ImageNetwork, StartHasTheScalesOfItsDocumentation) {
  const auto check = [](const ImageNetworkOptions& options, const std::string& name, double variance) {
    const at::Tensor weight = make_image_network(options, 3)->named_parameters()[name];
    const double error = std::sqrt(2.0 / static_cast<double>(weight.numel()));
    EXPECT_NEAR(weight.square().mean().item<double>(), variance, 4 * error * variance) << name;
  };
  check({.name = "resnet20"}, "layer2.0.conv1.weight", 2.0 / (32 * 9));
  check({.name = "resnet20"}, "fc.weight", 1e-4);
  check({.name = "mlp", .width = 64, .depth = 2}, "fc2.weight", 2.0 / 64);
  check({.name = "mlp", .width = 64, .depth = 2, .activation = Activation::tanh}, "fc1.weight", 1.0 / 3072);
  check({.name = "mlp", .width = 64, .depth = 2}, "fc3.weight", 1e-4);
  check({.name = "resnet50", .width = 8}, "layer2.0.conv3.weight", 2.0 / 64);
  check({.name = "resnet50", .width = 8}, "layer2.0.downsample.0.weight", 2.0 / 64);
  ImageNetworkOptions vit{.name = "vit", .width = 48, .depth = 1, .patch = 4, .heads = 3, .mlp_width = 96};
  check(vit, "blocks.0.attn.qkv.weight", 4e-4);
  check(vit, "pos_embed", 4e-4);
  check(vit, "cls_token", 1e-12);
  check(vit, "patch_embed.proj.weight", 1.0 / (3 * 48));  // uniform: a third of the bound's square
  check(vit, "head.weight", 4e-4);
  vit.name = "simple_vit";
  check(vit, "transformer.layers.0.1.net.3.weight", 1.0 / (3 * 96));
  check(vit, "transformer.layers.0.1.net.3.bias", 1.0 / (3 * 96));
  check(vit, "to_patch_embedding.2.weight", 1.0 / (3 * 48));
}

TEST(ImageNetwork, ZeroInitialisedLastNormMakesEveryBlockTheIdentity) {
  ImageNetworkOptions options{.name = "resnet20", .norm = Normalization::batch, .zero_init_last_norm = true};
  const auto network = make_image_network(options, 1);
  const at::Tensor images = numbered_normals({2, 3, 32, 32}, 1);
  const at::Tensor before = network->forward(images);
  {
    const torch::NoGradGuard no_grad;
    for (auto& item : network->named_parameters())
      if (item.key().starts_with("layer") && item.key().ends_with("conv1.weight")) item.value().neg_();
  }
  EXPECT_TRUE(network->forward(images).equal(before)) << "a block's inner weights reach the output";
  int zero = 0;
  for (const auto& item : network->named_parameters()) zero += item.key().ends_with("bn2.weight");
  EXPECT_EQ(zero, 9);
}

TEST(ImageNetworkOptions, AreReadStrictly) {
  const auto read = [](const std::string& text, const std::vector<std::string>& overrides = {}) {
    const Config config = Config::from_text(text, "test.toml", overrides);
    const ImageNetworkOptions options = ImageNetworkOptions::read(config, 3, 32, 32, 10);
    config.finish();
    return options;
  };
  const std::string resnet = "[network]\nname = \"resnet20\"\nzero_init_last_norm = true\n";
  EXPECT_EQ(read(resnet).norm, Normalization::batch);
  EXPECT_EQ(read(resnet).width, 16);
  EXPECT_TRUE(read(resnet).zero_init_last_norm);
  EXPECT_EQ(read(resnet, {"network.name=mlp"}).width, 128);
  EXPECT_EQ(read(resnet, {"network.norm=none"}).norm, Normalization::none);
  EXPECT_THROW(read("[network]\nname = \"mlp\"\nnorm = \"batch\"\n"), ConfigError);
  EXPECT_THROW(read("[network]\nname = \"cnn\"\nnorm = \"group\"\nwidth = 12\n"), ConfigError);
  EXPECT_THROW(read("[network]\nname = \"resnet\"\n"), ConfigError);
  EXPECT_EQ(read("[network]\nname = \"resnet50\"\nstem = \"small\"\n").stem, Stem::small);
  EXPECT_EQ(read("[network]\nname = \"resnet152\"\n").width, 64);
  EXPECT_THROW(read("[network]\nname = \"resnet20\"\nstem = \"small\"\n"), ConfigError);
  EXPECT_EQ(read("[network]\nname = \"vit\"\n").mlp_width, 3072);
  EXPECT_EQ(read("[network]\nname = \"simple_vit\"\npatch = 4\nwidth = 192\nheads = 3\n").depth, 12);
  EXPECT_THROW(read("[network]\nname = \"vit\"\npatch = 5\n"), ConfigError);
  EXPECT_THROW(read("[network]\nname = \"vit\"\nheads = 7\n"), ConfigError);
  EXPECT_THROW(read("[network]\nname = \"simple_vit\"\nwidth = 42\nheads = 3\n"), ConfigError);
  EXPECT_THROW(read("[network]\nname = \"vit\"\nnorm = \"batch\"\n"), ConfigError);
}

}  // namespace
}  // namespace quasar
