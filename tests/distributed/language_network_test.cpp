#include "distributed/networks/language_network.h"

#include <cmath>

#include <gtest/gtest.h>

#include "core/config.h"
#include "core/errors.h"

namespace quasar {
namespace {

TEST(LanguageNetworkOptions, AreReadStrictly) {
  const auto read = [](const std::string& text) {
    const Config config = Config::from_text("[network]\n" + text, "test.toml");
    const LanguageNetworkOptions options = LanguageNetworkOptions::read(config, 300);
    config.finish();
    return options;
  };
  EXPECT_EQ(read("").vocabulary, 300);
  EXPECT_EQ(read("").mlp_width, 344);
  EXPECT_EQ(read("heads = 8").kv_heads, 8);
  EXPECT_EQ(read("name = \"microllama\"").vocabulary, 32'000);
  EXPECT_THROW(read("vocabulary = 299"), ConfigError);
  EXPECT_THROW(read("heads = 3"), ConfigError);
  EXPECT_THROW(read("width = 12\nheads = 4"), ConfigError) << "heads of 3 numbers have no pairs";
  EXPECT_THROW(read("heads = 8\nkv_heads = 3"), ConfigError);
  EXPECT_THROW(read("patch = 4"), ConfigError);
}

TEST(Llama, SeesNoTokenAfterItsOwnPlaceAndNoMoreThanItsContext) {
  const auto network = make_language_network(
      {.vocabulary = 20, .context = 6, .width = 16, .depth = 2, .heads = 2, .kv_heads = 1, .mlp_width = 24}, 1);
  const at::Tensor tokens = at::arange(6, at::kLong).unsqueeze(0);
  at::Tensor changed = tokens.clone();
  changed[0][4] = 17;
  const at::Tensor a = network->forward(tokens), b = network->forward(changed);
  EXPECT_TRUE(a.narrow(1, 0, 4).equal(b.narrow(1, 0, 4)));
  EXPECT_GT((a - b)[0][4].abs().max().item<double>(), 1e-3);
  EXPECT_GT((a - b)[0][5].abs().max().item<double>(), 1e-6);
  EXPECT_THROW(network->forward(at::zeros({1, 7}, at::kLong)), ConfigError);
}

TEST(Llama, StartIsNamedBySeedAndHasHuggingFacesScale) {
  const LanguageNetworkOptions options{.width = 64, .depth = 1, .heads = 4, .kv_heads = 2, .mlp_width = 96};
  const auto a = make_language_network(options, 1), b = make_language_network(options, 1),
             c = make_language_network(options, 2);
  for (const auto& item : a->named_parameters()) {
    const at::Tensor& p = item.value();
    EXPECT_TRUE(p.equal(b->named_parameters()[item.key()])) << item.key();
    if (p.dim() == 1) {
      EXPECT_TRUE(p.equal(at::ones_like(p))) << item.key();
      continue;
    }
    EXPECT_FALSE(p.equal(c->named_parameters()[item.key()])) << item.key();
    const double error = std::sqrt(2.0 / static_cast<double>(p.numel()));
    EXPECT_NEAR(p.square().mean().item<double>() / 4e-4, 1.0, 4 * error) << item.key();
  }
}

}  // namespace
}  // namespace quasar
