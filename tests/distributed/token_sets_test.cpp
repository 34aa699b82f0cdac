#include "distributed/data/token_sets.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config.h"
#include "core/errors.h"
#include "core/random.h"
#include "distributed/data/find_data.h"
#include "distributed/data/markov_tokens.h"
#include "tests/distributed/token_files.h"

namespace quasar {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::int64_t> window(const TokenWindows& windows, std::int64_t number, std::int64_t context) {
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(context + 1));
  windows.read(number, tokens.data());
  return tokens;
}

/// A folder of shards with consecutive tokens: 0 ... 24, 25 ... 41, 42 ... 50.
class TokenSetsOf : public testing::Test {
 protected:
  TokenSetsOf() {
    write_bytes(folder_.path() / "shard_2.bin", nanogpt_bytes(counting(17, 25)));
    write_bytes(folder_.path() / "shard_1.bin", nanogpt_bytes(counting(25)));
    write_bytes(folder_.path() / "shard_3.bin", nanogpt_bytes(counting(9, 42)));
  }
  Config config(const std::vector<std::string>& settings, int context) const {
    std::vector<std::string> all = {"data.root=\"" + folder_.path().string() + "\"",
                                    "data.context=" + std::to_string(context)};
    all.insert(all.end(), settings.begin(), settings.end());
    return Config::from_text("", "test", all);
  }
  TokenSets read(const std::vector<std::string>& settings, int context = 4) const {
    return TokenSets::read(config(settings, context));
  }
  std::string error_of(const std::vector<std::string>& settings, int context = 4) const {
    try {
      const Config own = config(settings, context);
      TokenSets::read(own);
      own.finish();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  TemporaryFolder folder_;
};

TEST_F(TokenSetsOf, ShardsFollowEachOtherAndEveryTokenButTheirFirstIsPredictedOnce) {
  const TokenSets sets = read({"data.name=nanogpt", "data.train=[\"shard_*.bin\"]", "data.test=[\"shard_3.bin\"]"});
  EXPECT_EQ(sets.train->count(), 6 + 4 + 2);
  EXPECT_EQ(sets.test->count(), 2);
  std::vector<std::int64_t> predicted, expected;
  for (std::int64_t i = 0; i < sets.train->count(); ++i) {
    const auto tokens = window(*sets.train, i, 4);
    predicted.insert(predicted.end(), tokens.begin() + 1, tokens.end());
    for (std::size_t j = 1; j < 5; ++j) EXPECT_EQ(tokens[j], tokens[j - 1] + 1) << "no window joins two shards";
  }
  for (std::int64_t token = 1; token <= 50; ++token)
    if (token != 25 && token != 42) expected.push_back(token);
  EXPECT_EQ(predicted, expected);
}

TEST_F(TokenSetsOf, TestShareIsTheEndOfTheText) {
  const TokenSets sets =
      read({"data.name=nanogpt", "data.train=[\"shard_1.bin\", \"shard_2.bin\"]", "data.test_share=0.25"});
  EXPECT_EQ(sets.train->count(), 6 + 1) << "of 31 tokens";
  EXPECT_THAT(window(*sets.train, 6, 4), ElementsAre(25, 26, 27, 28, 29));
  EXPECT_EQ(sets.test->count(), 2) << "of 11 tokens";
  EXPECT_THAT(window(*sets.test, 0, 4), ElementsAre(31, 32, 33, 34, 35));
}

TEST_F(TokenSetsOf, SettingsThatMakeNoSenseAreNamed) {  // I12, E14
  const std::string some = "data.train=[\"shard_1.bin\"]";
  EXPECT_THAT(error_of({"data.name=nanogpt"}), HasSubstr("data.train"));
  EXPECT_THAT(error_of({"data.name=nanogpt", "data.train=[]"}), HasSubstr("at least one file"));
  EXPECT_THAT(error_of({"data.name=nanogpt", "data.train=[\"no_*.bin\"]"}), HasSubstr("no_*.bin or matches it"));
  EXPECT_THAT(error_of({"data.name=nanogpt", some, "data.test=[\"shard_2.bin\"]", "data.test_share=0.1"}),
              HasSubstr("contradicts data.test"));
  EXPECT_THAT(error_of({"data.name=nanogpt", some, "data.test_share=1.5"}), HasSubstr("data.test_share"));
  EXPECT_THAT(error_of({"data.name=nanogpt", some, "data.test_share=0.1"}),
              AllOf(HasSubstr("shard_1.bin: has 3 tokens from token 22 on"), HasSubstr("data.context")));
  EXPECT_THAT(error_of({"data.name=nanogpt", some, "data.test=[\"shard_3.bin\"]"}, 9),
              HasSubstr("shard_3.bin: has 9 tokens from token 0 on, less than one window of data.context + 1 = 10"));
  EXPECT_THAT(error_of({"data.name=text", some, "data.vocabulary=300"}), HasSubstr("data.vocabulary"));
  EXPECT_THAT(error_of({"data.name=llmc", some}), HasSubstr("is it a nanogpt file?"));
  EXPECT_THAT(error_of({"data.name=tiny_shakespeare"}), HasSubstr("does not hold tiny_shakespeare"));
  EXPECT_THAT(error_of({"data.name=wikitext"}), HasSubstr("wikitext2"));
  EXPECT_THAT(error_of({"data.name=nanogpt", some, "data.test=[\"shard_2.bin\"]"}), "no error");
}

TEST_F(TokenSetsOf, IdentityIsOfTokensAndWindowsNotOfNames) {
  const auto hash = [&](const std::string& file, int context) {
    return read({"data.name=nanogpt", "data.test=[\"shard_1.bin\"]", "data.train=[\"" + file + "\"]"}, context)
        .train->hash();
  };
  const std::uint64_t expected = hash("shard_1.bin", 4);
  std::filesystem::copy(folder_.path() / "shard_1.bin", folder_.path() / "copy.bin");
  EXPECT_EQ(hash("copy.bin", 4), expected);
  EXPECT_NE(hash("shard_2.bin", 4), expected);
  EXPECT_NE(hash("shard_1.bin", 5), expected);
}

TEST(MarkovTokens, AreDrawnUnderTheirOwnName) {
  constexpr int kVocabulary = 100;
  const MarkovWindows text(Split::train, 50, 3, kVocabulary);
  for (std::uint64_t i = 0; i < 50; ++i) {
    const Words random = words({.seed = 4220, .use = Use::procedural_tokens, .replica = 0, .step = i});
    EXPECT_EQ(window(text, static_cast<std::int64_t>(i), 3)[0], uniform_below(random.w[0], kVocabulary));
  }
}

TEST(MarkovTokens, FrequenciesAreTheChainsAndItsEntropyIsTheStatedOne) {
  constexpr int kVocabulary = 16;
  constexpr std::int64_t kWindows = 4000, kContext = 50;
  const MarkovWindows text(Split::train, kWindows, kContext, kVocabulary);
  std::vector<std::vector<double>> pairs(kVocabulary, std::vector<double>(kVocabulary));
  double first_token_sum = 0.0, loss = 0.0;
  for (std::int64_t i = 0; i < kWindows; ++i) {
    const auto tokens = window(text, i, kContext);
    first_token_sum += static_cast<double>(tokens[0]);
    for (std::size_t j = 1; j < tokens.size(); ++j) {
      ++pairs[static_cast<std::size_t>(tokens[j - 1])][static_cast<std::size_t>(tokens[j])];
      loss -= std::log(text.probability(tokens[j - 1], tokens[j]));
    }
  }
  double entropy = 0.0, chi_squared = 0.0;
  const double n = static_cast<double>(kWindows * kContext);
  for (int from = 0; from < kVocabulary; ++from)
    for (int to = 0; to < kVocabulary; ++to) {
      const double p = text.probability(from, to), expected = n * p / kVocabulary;
      const double seen = pairs[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
      if (p == 0.0) {
        EXPECT_EQ(seen, 0.0) << from << " -> " << to;
        continue;
      }
      entropy -= p * std::log(p) / kVocabulary;
      chi_squared += (seen - expected) * (seen - expected) / expected;
    }
  EXPECT_NEAR(entropy, MarkovWindows::entropy_rate(), 1e-12);
  EXPECT_NEAR(MarkovWindows::entropy_rate(), 1.21300756, 1e-8);
  // 63 degrees of freedom; tokens of one window depend on each other only through the first.
  EXPECT_LT(chi_squared, 63.0 + 4.0 * std::sqrt(2.0 * 63.0));
  const double deviation = std::sqrt(0.6875) * std::log(2.0);  // of one token's -ln p
  EXPECT_NEAR(loss / n, entropy, 4.0 * deviation / std::sqrt(n));
  EXPECT_NEAR(first_token_sum / kWindows, 7.5, 4.0 * std::sqrt((256.0 - 1.0) / 12.0 / kWindows));
  const MarkovWindows test(Split::test, kWindows, kContext, kVocabulary);
  EXPECT_NE(window(test, 0, kContext), window(text, 0, kContext));
  EXPECT_EQ(test.probability(3, 5), text.probability(3, 5)) << "one chain for both splits";
}

TEST(NamedTexts, TinyShakespeareHasThePublishedCountsAndSplit) {
  if (!find_dataset("tiny_shakespeare", "", Download::never)) GTEST_SKIP() << "tiny-shakespeare not found";
  const TokenSets sets =
      TokenSets::read(Config::from_text("", "test", {"data.name=tiny_shakespeare", "data.context=64"}));
  EXPECT_EQ(sets.files.front()->count(), 1'115'394);
  EXPECT_EQ(sets.train->count(), (1'003'854 - 1) / 64);
  EXPECT_EQ(sets.test->count(), (111'540 - 1) / 64);
  const auto tokens = window(*sets.train, 0, 64);
  EXPECT_EQ(std::string(tokens.begin(), tokens.begin() + 14), "First Citizen:");
}

TEST(NamedTexts, AnAbsentTextIsReplacedAndTheConfigurationSaysSo) {
  const TemporaryFolder empty;
  const EnvironmentVariable cache("QUASAR_CACHE", empty.path().string()), data("QUASAR_DATA", empty.path().string());
  if (find_dataset("wikitext2", "", Download::never)) GTEST_SKIP() << "WikiText-2 lies beside the source folder";
  const Config config = Config::from_text("", "test", {"data.name=wikitext2"});
  EXPECT_EQ(TokenSets::read(config).name, "procedural_tokens");
  EXPECT_THAT(config.resolved(), HasSubstr("procedural_tokens"));
}

}  // namespace
}  // namespace quasar
