#include "distributed/data/cifar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "core/random.h"
#include "distributed/data/find_data.h"
#include "tests/distributed/temporary_folder.h"

namespace quasar {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kRecord = 3073;

Bytes batch_of(std::size_t count) {
  Bytes bytes(count * kRecord);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i % 251);
  for (std::size_t i = 0; i < count; ++i) bytes[i * kRecord] = static_cast<std::uint8_t>(9 - i);
  return bytes;
}

std::string error_of(const Bytes& bytes, std::int64_t count) {
  const TemporaryFolder folder;
  write_bytes(folder.path() / "some.bin", bytes);
  CifarImages images;
  try {
    read_cifar_batch(folder.path() / "some.bin", count, images);
  } catch (const DataError& error) {
    EXPECT_TRUE(images.labels.size() <= static_cast<std::size_t>(count));
    return error.what();
  }
  return "no error";
}

TEST(Cifar, AppendsLabelsAndPixels) {
  const TemporaryFolder folder;
  write_bytes(folder.path() / "a", batch_of(3));
  CifarImages images;
  read_cifar_batch(folder.path() / "a", 3, images);
  read_cifar_batch(folder.path() / "a", 3, images);
  EXPECT_THAT(images.labels, testing::ElementsAre(9, 8, 7, 9, 8, 7));
  ASSERT_EQ(images.pixels.size(), 6u * 3072u);
  EXPECT_EQ(images.pixels[0], 1);
  EXPECT_EQ(images.pixels[3072], (kRecord + 1) % 251);
  EXPECT_EQ(images.pixels[4 * 3072 + 5], (kRecord + 6) % 251);
}

TEST(Cifar, LabelOutOfRangeIsNamedByFileOffsetAndSample) {
  Bytes bytes = batch_of(5);
  bytes[3 * kRecord] = 10;
  EXPECT_THAT(error_of(bytes, 5), testing::HasSubstr("some.bin: at byte 9219: sample 3 has label 10, expected 0 to 9"));
}

TEST(Cifar, SizeIsComparedBeforeMemoryIsTaken) {
  EXPECT_THAT(error_of(batch_of(4), 5), testing::AllOf(testing::HasSubstr("expected 15365 bytes (5 samples of 3073)"),
                                                       testing::HasSubstr("found 12292: it ends within sample 4")));
  EXPECT_THAT(error_of(batch_of(6), 5), testing::HasSubstr("found 18438"));
  EXPECT_THAT(error_of({}, 5), testing::HasSubstr("found 0"));
  // Memory for this many would not be there.
  EXPECT_THAT(error_of(batch_of(1), std::int64_t{1} << 50), testing::HasSubstr("found 3073"));
}

TEST(Cifar, CutOrFlippedAnywhereIsRefusedOrLeavesOtherSamplesAlone) {
  const Bytes good = batch_of(4);
  const TemporaryFolder folder;
  CifarImages whole;
  write_bytes(folder.path() / "a", good);
  read_cifar_batch(folder.path() / "a", 4, whole);
  int refused_labels = 0;
  for (std::uint64_t trial = 0; trial < 500; ++trial) {
    const Words random = words({.seed = 12, .use = Use::toy_noise, .replica = 0, .step = trial});
    std::size_t place = uniform_below(random.w[0], static_cast<std::uint32_t>(good.size()));
    Bytes bytes = good;
    const bool flip = trial % 2 == 0;
    if (trial % 8 == 0) place = place / kRecord * kRecord;  // a label, which random places seldom hit
    if (flip)
      bytes[place] ^= static_cast<std::uint8_t>(1 + uniform_below(random.w[1], 255));
    else
      bytes.resize(place);
    write_bytes(folder.path() / "a", bytes);
    CifarImages images;
    try {
      read_cifar_batch(folder.path() / "a", 4, images);
      ASSERT_TRUE(flip) << "cut at byte " << place << " but accepted";
      int changed = 0;
      for (std::size_t i = 0; i < 4; ++i) changed += images.labels[i] != whole.labels[i];
      for (std::size_t i = 0; i < whole.pixels.size(); ++i) changed += images.pixels[i] != whole.pixels[i];
      EXPECT_EQ(changed, 1);
    } catch (const DataError& error) {
      if (!flip) continue;
      EXPECT_EQ(place % kRecord, 0u);
      EXPECT_THAT(error.what(), testing::HasSubstr("at byte " + std::to_string(place)));
      ++refused_labels;
    }
  }
  EXPECT_GT(refused_labels, 20);
}

TEST(Cifar, MissingFileIsNamed) {
  try {
    read_cifar10("/nowhere/at/all", Split::train);
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("/nowhere/at/all/data_batch_1.bin: cannot be read"));
  }
}

TEST(Cifar10, HasTheWellKnownClassCountsAndChannelMeans) {
  const auto folder = find_dataset("cifar10", "", Download::never);
  if (!folder) GTEST_SKIP() << "CIFAR-10 not found: set QUASAR_DATA";
  const CifarImages train = read_cifar10(*folder, Split::train), test = read_cifar10(*folder, Split::test);
  std::vector<int> in_train(10), in_test(10);
  for (const std::uint8_t label : train.labels) ++in_train[label];
  for (const std::uint8_t label : test.labels) ++in_test[label];
  EXPECT_THAT(in_train, testing::Each(5000));
  EXPECT_THAT(in_test, testing::Each(1000));
  std::vector<double> sum(3);
  for (std::size_t i = 0; i < train.pixels.size(); ++i) sum[i / 1024 % 3] += train.pixels[i];
  const std::vector<double> means = {0.49140, 0.48216, 0.44653};
  for (std::size_t channel = 0; channel < 3; ++channel)
    EXPECT_NEAR(sum[channel] / (255.0 * 1024.0 * 50'000.0), means[channel], 1e-5);
}

}  // namespace
}  // namespace quasar
