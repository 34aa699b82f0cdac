#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/errors.h"
#include "distributed/checkpoint/safetensors.h"
#include "distributed/local_sgd/training_checkpoint.h"
#include "distributed/networks/flat_parameters.h"
#include "distributed/networks/image_network.h"
#include "distributed/networks/language_network.h"
#include "tests/distributed/patterns.h"
#include "tests/distributed/temporary_folder.h"

namespace quasar {
namespace {

constexpr const char* kFolder = QUASAR_SOURCE_DIR "/tests/distributed/";

TEST(Weights, FileThatPythonWroteOfTorchvisionsModelLoadsByName) {
  ImageNetworkOptions options{.name = "resnet18", .width = 2, .norm = Normalization::batch};
  const auto network = make_image_network(options, 1);
  FlatParameters flat(*network, at::kDouble, false);
  const std::filesystem::path file = std::string(kFolder) + "torchvision_resnet18.safetensors";
  flat.assign(load_weights(file), file.string());
  network->eval();
  std::ifstream in(std::string(kFolder) + "network_references.json");
  const auto expected = nlohmann::json::parse(in)["loaded"].get<std::vector<double>>();
  const at::Tensor logits = network->forward(pattern({2, 3, 32, 32}, 1000)).flatten();
  EXPECT_LT((logits - at::tensor(expected, at::kDouble)).abs().max().item<double>(), 1e-9);

  options.width = 4;
  FlatParameters wider(*make_image_network(options, 1), at::kFloat, false);
  EXPECT_THROW(wider.assign(load_weights(file), file.string()), DataError);
}

template <class Network>
void expect_round_trip(const std::shared_ptr<Network>& network, const std::shared_ptr<Network>& other) {
  const TemporaryFolder folder;
  const FlatParameters source(*network, at::kFloat, true);
  FlatParameters target(*other, at::kFloat, false);
  const NamedTensors tensors = source.named_tensors();
  std::vector<NamedTensor> views;
  for (const auto& [name, tensor] : tensors)
    views.push_back(
        {name, "F32", tensor.sizes().vec(), {static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes()}});
  write_safetensors(real_file_system(), folder.path() / "model.safetensors", views);
  target.assign(load_weights(folder.path()), "the file");
  const auto loaded = other->named_parameters();
  for (const auto& item : network->named_parameters()) {
    EXPECT_TRUE(item.value().equal(loaded[item.key()])) << item.key();
  }
}

TEST(Weights, OfEveryArchitectureGoThroughSafetensorsAndBack) {
  for (const char* name : {"resnet18", "resnet50", "vit", "simple_vit"}) {
    const ImageNetworkOptions options{
        .name = name, .width = 16, .depth = 2, .norm = Normalization::batch, .patch = 8, .heads = 2, .mlp_width = 24};
    expect_round_trip(make_image_network(options, 1), make_image_network(options, 2));
  }
  for (const bool tied : {false, true}) {
    const LanguageNetworkOptions options{
        .width = 16, .depth = 2, .heads = 2, .kv_heads = 1, .mlp_width = 24, .tied = tied};
    expect_round_trip(make_language_network(options, 1), make_language_network(options, 2));
  }
}

}  // namespace
}  // namespace quasar
