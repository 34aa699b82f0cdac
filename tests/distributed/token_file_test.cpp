#include "distributed/data/token_file.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "core/random.h"
#include "tests/distributed/token_files.h"

namespace quasar {
namespace {

using Bytes = std::vector<std::uint8_t>;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kVocabulary = 1000;

class TokenFiles : public testing::Test {
 protected:
  std::filesystem::path holding(const Bytes& bytes) const {
    write_bytes(folder_.path() / "some.bin", bytes);
    return folder_.path() / "some.bin";
  }
  std::vector<std::int64_t> read(const Bytes& bytes, TokenFormat format, int vocabulary = kVocabulary) const {
    const TokenFile file(holding(bytes), format, vocabulary);
    std::vector<std::int64_t> tokens(static_cast<std::size_t>(file.count()));
    file.read(0, file.count(), tokens.data());
    return tokens;
  }
  std::string error_of(const Bytes& bytes, TokenFormat format) const {
    try {
      read(bytes, format);
    } catch (const DataError& error) {
      return error.what();
    }
    return "no error";
  }

  TemporaryFolder folder_;
};

TEST_F(TokenFiles, EveryFormatGivesItsTokens) {
  EXPECT_THAT(read({'h', 'i', 0xC3, 0xA9}, TokenFormat::text, 256), ElementsAre('h', 'i', 0xC3, 0xA9));
  EXPECT_THAT(read(nanogpt_bytes({1, 256, 999}), TokenFormat::nanogpt), ElementsAre(1, 256, 999));
  EXPECT_THAT(read(llmc_bytes({7, 258, 0}, 3), TokenFormat::llmc), ElementsAre(7, 258, 0));
  EXPECT_THAT(read(nanogpt_bytes({65535}), TokenFormat::nanogpt, 65536), ElementsAre(65535));
}

TEST_F(TokenFiles, AnyPartIsReadByItself) {
  const TokenFile file(holding(llmc_bytes(counting(500), 500)), TokenFormat::llmc, kVocabulary);
  std::vector<std::int64_t> tokens(3);
  file.read(497, 3, tokens.data());
  EXPECT_THAT(tokens, ElementsAre(497, 498, 499));
}

TEST_F(TokenFiles, DamageIsNamedByFileOffsetAndExpectation) {  // I3, I6
  const std::vector<int> tokens = counting(10);
  Bytes odd = nanogpt_bytes(tokens), large = nanogpt_bytes(tokens), shortened = llmc_bytes(tokens, 10);
  odd.pop_back();
  large[7] = 4;  // 3 becomes 3 + 4 * 256
  shortened.resize(1000);
  struct Case {
    Bytes bytes;
    TokenFormat format;
    std::string problem;
  };
  const Case cases[] = {
      {odd, TokenFormat::nanogpt, "at byte 18: the file ends within a token of 16 bits (it has 19 bytes)"},
      {large, TokenFormat::nanogpt, "at byte 6: token 3 is 1027, not below the vocabulary's 1000 (data.vocabulary)"},
      {shortened, TokenFormat::llmc, "at byte 1000: expected the 1024 bytes of an llm.c header"},
      {{}, TokenFormat::llmc, "at byte 0: expected the 1024 bytes"},
      {nanogpt_bytes(counting(600)), TokenFormat::llmc, "at byte 0: expected the llm.c number 20240520, found 65536"},
      {llmc_bytes(tokens, 10, 20240801, 7), TokenFormat::llmc, "holds tokens of 32 bits (20240801)"},
      {llmc_bytes(tokens, 10, 20240520, 2), TokenFormat::llmc, "at byte 4: expected version 1, found 2"},
      {llmc_bytes(tokens, 11), TokenFormat::llmc, "declares 11 tokens, for which the file would have 1046 bytes; it"},
      {llmc_bytes(tokens, 9), TokenFormat::llmc, "declares 9 tokens, for which the file would have 1042 bytes; it has"},
      {llmc_bytes(tokens, 0xFFFFFFFF), TokenFormat::llmc, "declares 4294967295 tokens"},
      {llmc_bytes({1, 2, 1000}, 3), TokenFormat::llmc, "at byte 1028: token 2 is 1000"},
  };
  for (const Case& c : cases)
    EXPECT_THAT(error_of(c.bytes, c.format), testing::AllOf(HasSubstr("some.bin: "), HasSubstr(c.problem)));
  EXPECT_THROW(TokenFile(folder_.path() / "nowhere", TokenFormat::text, 256), DataError);
  EXPECT_THROW(TokenFile(folder_.path(), TokenFormat::text, 256), DataError) << "a folder";
}

TEST_F(TokenFiles, CutOrFlippedAnywhereIsRefusedOrChangesOneToken) {  // I3
  const Bytes good = llmc_bytes(counting(300), 300);
  const std::vector<std::int64_t> whole = read(good, TokenFormat::llmc);
  int refused = 0;
  for (std::uint64_t trial = 0; trial < 500; ++trial) {
    const Words random = words({.seed = 5, .use = Use::toy_noise, .replica = 0, .step = trial});
    const std::size_t place = uniform_below(random.w[0], static_cast<std::uint32_t>(good.size()));
    const bool in_unused_header = place >= 12 && place < 1024, flip = trial % 2 == 0;
    Bytes bytes = good;
    if (flip)
      bytes[place] ^= static_cast<std::uint8_t>(1 + uniform_below(random.w[1], 255));
    else
      bytes.resize(place);
    try {
      const std::vector<std::int64_t> tokens = read(bytes, TokenFormat::llmc);
      ASSERT_TRUE(flip) << "cut at byte " << place << " but accepted";
      int changed = 0;
      for (std::size_t i = 0; i < whole.size(); ++i) changed += tokens[i] != whole[i];
      EXPECT_EQ(changed, in_unused_header ? 0 : 1) << place;
    } catch (const DataError&) {
      EXPECT_FALSE(flip && in_unused_header) << place;
      ++refused;
    }
  }
  EXPECT_GT(refused, 250);
}

TEST_F(TokenFiles, AFileLargerThanTheMemoryIsReadWhereItIsAsked) {
  const auto path = holding({});
  constexpr std::uintmax_t kBytes = std::uintmax_t{1} << 40;
  std::error_code error;
  std::filesystem::resize_file(path, kBytes, error);  // of holes
  if (error) GTEST_SKIP() << "this file system has no files of a TiB: " << error.message();
  const TokenFile file(path, TokenFormat::nanogpt, kVocabulary);
  EXPECT_EQ(file.count(), static_cast<std::int64_t>(kBytes / 2));
  std::vector<std::int64_t> tokens(100, 1);
  file.read(file.count() - 100, 100, tokens.data());
  EXPECT_THAT(tokens, testing::Each(0));
}

TEST_F(TokenFiles, AFileThatIsCutWhileItIsUsedIsNamedWithThePlace) {
  const TokenFile file(holding(nanogpt_bytes(counting(50))), TokenFormat::nanogpt, kVocabulary);
  std::filesystem::resize_file(file.path(), 60);
  std::vector<std::int64_t> tokens(20);
  try {
    file.read(20, 20, tokens.data());
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("some.bin: at byte 60: ends here, 20 bytes too early"));
  }
}

TEST_F(TokenFiles, TheHashTellsContentsApartAndNotNames) {
  const auto hash = [&](const std::vector<int>& tokens, const std::string& name) {
    write_bytes(folder_.path() / name, nanogpt_bytes(tokens));
    return TokenFile(folder_.path() / name, TokenFormat::nanogpt, kVocabulary).hash();
  };
  std::vector<int> other = counting(1 << 20);
  const std::uint64_t expected = hash(other, "a");
  EXPECT_EQ(hash(other, "b"), expected);
  other[700'000] += 1;
  EXPECT_NE(hash(other, "b"), expected);
  other.pop_back();
  EXPECT_NE(hash(other, "b"), expected);
}

}  // namespace
}  // namespace quasar
