#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <nlohmann/json.hpp>

#include "core/config.h"
#include "distributed/checkpoint/sha256.h"
#include "distributed/networks/image_network.h"
#include "distributed/networks/language_network.h"
#include "tests/distributed/patterns.h"

namespace quasar {
namespace {

nlohmann::json references() {
  std::ifstream in(QUASAR_SOURCE_DIR "/tests/distributed/network_references.json");
  return nlohmann::json::parse(in);
}

double largest_difference(const at::Tensor& numbers, const nlohmann::json& expected) {
  const at::Tensor other = at::tensor(expected.get<std::vector<double>>(), at::kDouble);
  return (numbers.flatten() - other).abs().max().item<double>();
}

/// Compares logits, loss, every gradient and the logits in evaluation mode, after the norms' statistics have moved.
template <class Network>
void expect_equal(Network& network, const at::Tensor& inputs, const at::Tensor& labels, const nlohmann::json& reference,
                  double tolerance) {
  const at::Tensor logits = network.forward(inputs).flatten(0, -2);
  EXPECT_LT(largest_difference(logits, reference["logits"]), tolerance);
  const at::Tensor loss = at::cross_entropy_loss(logits, labels);
  EXPECT_NEAR(loss.item<double>(), reference["loss"], tolerance);
  torch::autograd::backward({loss}, {});
  const auto parameters = network.named_parameters();
  ASSERT_EQ(parameters.size(), reference["gradients"].size());
  for (const auto& item : parameters) {
    ASSERT_TRUE(reference["gradients"].contains(item.key())) << item.key();
    const at::Tensor g = item.value().grad();
    const double expected = reference["gradients"][item.key()], size = g.norm().item<double>();
    EXPECT_NEAR((g * pattern(g.sizes(), 7)).sum().item<double>(), expected, tolerance * (1.0 + size)) << item.key();
    EXPECT_GT(size, 0.0) << item.key() << " does not reach the loss";
  }
  network.eval();
  EXPECT_LT(largest_difference(network.forward(inputs), reference["evaluation_logits"]), tolerance);
}

ImageNetworkOptions options_of(const nlohmann::json& reference) {
  ImageNetworkOptions options{.name = reference["name"], .width = reference.value("width", 8)};
  options.depth = reference.value("depth", 0);
  options.heads = reference.value("heads", 0);
  options.mlp_width = reference.value("mlp_width", 0);
  options.patch = reference.value("patch", 0);
  options.norm = reference.value("norm", "") == "batch" ? Normalization::batch : Normalization::group;
  options.stem = reference.value("stem", "") == "small" ? Stem::small : Stem::imagenet;
  return options;
}

TEST(ImageArchitectures, EqualTheirPythonLibrariesLogitsAndGradients) {
  const nlohmann::json all = references();
  int compared = 0;
  for (const nlohmann::json& reference : all["cases"]) {
    if (reference["name"] == "llama") continue;
    ++compared;
    SCOPED_TRACE(reference["name"].get<std::string>() + " " + reference.value("stem", ""));
    const auto network = make_image_network(options_of(reference), 1);
    fill(*network);
    // Batch norm over the two numbers that a channel of ResNet-50's last stage has here enlarges rounding: another CPU's
    // kernels move gradients by 2e-9 of their size, and Python's own numbers by up to 3e-8.
    expect_equal(*network, pattern({2, 3, 32, 32}, 1000), at::arange(2, at::kLong), reference, 1e-7);
  }
  EXPECT_EQ(compared, 5);
}

TEST(Llama, EqualsHuggingFacesLogitsAndGradients) {
  const nlohmann::json all = references();
  int compared = 0;
  for (const nlohmann::json& reference : all["cases"]) {
    if (reference["name"] != "llama") continue;
    ++compared;
    SCOPED_TRACE(reference["tied"].get<bool>() ? "tied" : "not tied");
    const auto network = make_language_network({.vocabulary = 40,
                                                .context = 16,
                                                .width = 32,
                                                .depth = 2,
                                                .heads = 4,
                                                .kv_heads = 2,
                                                .mlp_width = 48,
                                                .tied = reference["tied"]},
                                               1);
    fill(*network);
    const at::Tensor tokens = at::arange(16, at::kLong).square().remainder(37).view({2, 8});
    // Hugging Face computes the rotary angles in FP32.
    expect_equal(*network, tokens, at::arange(16, at::kLong), reference, 2e-6);
  }
  EXPECT_EQ(compared, 2);
}

nlohmann::json size_of(const torch::nn::Module& network) {
  std::string lines;
  std::int64_t count = 0;
  for (const auto& item : network.named_parameters()) {
    std::string shape;
    for (const std::int64_t n : item.value().sizes()) shape += (shape.empty() ? "" : ", ") + std::to_string(n);
    lines += item.key() + " [" + shape + "]\n";
    count += item.value().numel();
  }
  return {{"parameters", count}, {"sha256", sha256_of(lines)}};
}

TEST(ImageArchitectures, HaveTheirPythonLibrariesNamesShapesAndCounts) {
  const nlohmann::json sizes = references()["sizes"];
  const auto full_size = [](const std::string& name) {
    ImageNetworkOptions options{.name = name, .norm = Normalization::batch};
    options.rows = 224, options.cols = 224, options.classes = 1000;
    const bool is_resnet = name.starts_with("resnet");
    options.width = is_resnet ? 64 : 768, options.depth = 12;
    return size_of(is_resnet ? *make_resnet(options) : name == "vit" ? *make_vit(options) : *make_simple_vit(options));
  };
  const std::map<std::string, std::int64_t> counts{
      {"resnet18", 11'689'512},  {"resnet34", 21'797'672}, {"resnet50", 25'557'032},  {"resnet101", 44'549'160},
      {"resnet152", 60'192'808}, {"vit", 86'567'656},      {"simple_vit", 86'381'800}};
  for (const auto& [name, count] : counts) {
    const nlohmann::json size = full_size(name);
    EXPECT_EQ(size["parameters"], count) << name;
    EXPECT_EQ(size, sizes[name]) << name;
  }
}

TEST(Llama, MicroLlamaHasHuggingFacesNamesShapesAndCount) {
  const auto options =
      LanguageNetworkOptions::read(Config::from_text("network.name = \"microllama\"\n", "test.toml"), 256);
  const nlohmann::json size = size_of(*make_llama(options));
  EXPECT_EQ(size["parameters"], 304'636'928);
  EXPECT_EQ(size, references()["sizes"]["microllama"]);
}

}  // namespace
}  // namespace quasar
