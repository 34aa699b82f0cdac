#include "distributed/data/idx.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "core/random.h"
#include "distributed/data/image_classification.h"
#include "tests/distributed/temporary_folder.h"

namespace quasar {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::string error_of(const Bytes& bytes) {
  const TemporaryFolder folder;
  write_bytes(folder.path() / "some.idx", bytes);
  try {
    read_idx(folder.path() / "some.idx");
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

Bytes with(Bytes bytes, std::size_t offset, std::uint8_t value) {
  bytes[offset] = value;
  return bytes;
}

Bytes cut(Bytes bytes, std::size_t size) {
  bytes.resize(size);
  return bytes;
}

TEST(Idx, ReadsShapeAndValues) {
  const TemporaryFolder folder;
  write_bytes(folder.path() / "a", idx_bytes({2, 3, 5}));
  const IdxArray array = read_idx(folder.path() / "a");
  EXPECT_THAT(array.shape, testing::ElementsAre(2, 3, 5));
  ASSERT_EQ(array.values.size(), 30u);
  EXPECT_EQ(array.values[29], 29);
}

TEST(Idx, RefusesDamageNamingFileOffsetAndExpectation) {
  const Bytes good = idx_bytes({2, 3, 5});
  struct Case {
    const char* what;
    Bytes bytes;
    std::vector<std::string> message;
  };
  const std::vector<Case> cases = {
      {"empty", {}, {"at byte 0", "idx header"}},
      {"compressed", {0x1f, 0x8b, 8, 0, 0, 0}, {"at byte 0", "unpacked"}},
      {"32-bit integers", with(good, 2, 0x0c), {"at byte 2", "expected type 8", "12"}},
      {"no dimension", with(good, 3, 0), {"at byte 3", "1 to 4 dimensions"}},
      {"many dimensions", with(good, 3, 200), {"at byte 3", "200"}},
      {"header cut", cut(good, 10), {"at byte 8", "dimension 1"}},
      {"values cut", cut(good, 40), {"at byte 16", "expected 30 bytes", "found 24"}},
      {"trailing byte", cut(good, 47), {"at byte 16", "expected 30 bytes", "found 31"}},
      {"one size too large", with(good, 4, 0xff), {"at byte 4", "declares 4278190082"}},
      {"size 0", with(good, 7, 0), {"at byte 16", "expected 0 bytes"}},
  };
  for (const auto& [what, bytes, message] : cases) {
    const std::string error = error_of(bytes);
    EXPECT_THAT(error, testing::HasSubstr("some.idx: ")) << what;
    for (const std::string& part : message) EXPECT_THAT(error, testing::HasSubstr(part)) << what;
  }
}

TEST(Idx, ProductOfSizesThatOverflowsIsRefused) {
  // 2^32 - 1 four times is 1 modulo 2^32 (and modulo 2^64): only a check factor by factor sees it.
  Bytes bytes(21, 0xff);
  std::copy_n(Bytes{0, 0, 8, 4}.begin(), 4, bytes.begin());
  EXPECT_THAT(error_of(bytes), testing::HasSubstr("declares 4294967295"));
}

TEST(Idx, MissingFileIsNamed) {
  EXPECT_THROW(
      {
        try {
          read_idx("/nowhere/at/all.idx");
        } catch (const DataError& error) {
          EXPECT_THAT(error.what(), testing::HasSubstr("/nowhere/at/all.idx: cannot be read"));
          throw;
        }
      },
      DataError);
}

TEST(Idx, CutOrFlippedAnywhereNeverCrashes) {
  const Bytes good = idx_bytes({4, 6, 6});
  const TemporaryFolder folder;
  const auto file = folder.path() / "a";
  int refused = 0;
  for (std::uint64_t trial = 0; trial < 500; ++trial) {
    const Words random = words({.seed = 11, .use = Use::toy_noise, .replica = 0, .step = trial});
    const std::size_t place = uniform_below(random.w[0], static_cast<std::uint32_t>(good.size()));
    const bool flip = trial % 2 == 0;
    const auto mask = static_cast<std::uint8_t>(1 + uniform_below(random.w[1], 255));
    write_bytes(file, flip ? with(good, place, static_cast<std::uint8_t>(good[place] ^ mask)) : cut(good, place));
    try {
      const IdxArray array = read_idx(file);
      EXPECT_TRUE(flip && place >= 16) << "damaged at byte " << place << " but accepted";
      EXPECT_EQ(array.values.size(), 144u);
    } catch (const DataError&) {
      ++refused;
    }
  }
  EXPECT_GE(refused, 250);
}

TEST(ImageSet, NeedsOneLabelForEachImage) {
  const TemporaryFolder folder;
  write_bytes(folder.path() / "train-images-idx3-ubyte", idx_bytes({3, 4, 4}));
  write_bytes(folder.path() / "train-labels-idx1-ubyte", idx_bytes({2}));
  try {
    read_image_set(folder.path(), Split::train);
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("train-labels-idx1-ubyte: at byte 4: expected 3 labels"));
    EXPECT_THAT(error.what(), testing::HasSubstr("found 2"));
  }
}

TEST(ImageSet, SwappedFilesAreRefused) {
  const TemporaryFolder folder;
  write_bytes(folder.path() / "t10k-images-idx3-ubyte", idx_bytes({3}));
  write_bytes(folder.path() / "t10k-labels-idx1-ubyte", idx_bytes({3, 4, 4}));
  EXPECT_THROW(read_image_set(folder.path(), Split::test), DataError);
}

}  // namespace
}  // namespace quasar
