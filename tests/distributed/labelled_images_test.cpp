#include "distributed/data/labelled_images.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "distributed/data/procedural_color.h"
#include "tests/distributed/random_images.h"
#include "tests/distributed/temporary_folder.h"

namespace quasar {
namespace {

void put_idx_set(const std::filesystem::path& folder, std::uint32_t count) {
  for (const std::string prefix : {"train", "t10k"}) {
    write_bytes(folder / (prefix + "-images-idx3-ubyte"), idx_bytes({count, 2, 3}));
    std::vector<std::uint8_t> labels = idx_bytes({count});
    for (std::size_t i = 8; i < labels.size(); ++i) labels[i] %= 10;
    write_bytes(folder / (prefix + "-labels-idx1-ubyte"), labels);
  }
}

TEST(LabelledImages, MeanAndDeviationAreThoseOfTheTrainingPixels) {
  const TemporaryFolder folder;
  put_idx_set(folder.path(), 4);
  std::vector<std::uint8_t> dark = idx_bytes({4, 2, 3});
  std::fill(dark.begin() + 16, dark.end(), std::uint8_t{0});
  write_bytes(folder.path() / "t10k-images-idx3-ubyte", dark);
  const LabelledImageSets sets = load_labelled_images("mnist", folder.path());
  EXPECT_EQ(sets.name, "mnist");
  EXPECT_EQ(sets.train.count, 4);
  EXPECT_EQ(sets.train.channels, 1);
  EXPECT_EQ(sets.train.rows, 2);
  EXPECT_EQ(sets.train.cols, 3);
  EXPECT_EQ(sets.train.source, folder.path().string());
  // Bytes 0, 1, ..., 23.
  ASSERT_EQ(sets.train.mean.size(), 1u);
  EXPECT_NEAR(sets.train.mean[0], 11.5 / 255.0, 1e-8);
  EXPECT_NEAR(sets.train.deviation[0], std::sqrt((24.0 * 24.0 - 1.0) / 12.0) / 255.0, 1e-8);
  EXPECT_EQ(sets.test.mean, sets.train.mean);
  EXPECT_EQ(sets.test.deviation, sets.train.deviation);
}

TEST(LabelledImages, LabelOutOfRangeIsNamedByFileOffsetAndSample) {
  const TemporaryFolder folder;
  put_idx_set(folder.path(), 12);
  std::vector<std::uint8_t> labels = idx_bytes({12});
  labels[19] = 3;
  write_bytes(folder.path() / "t10k-labels-idx1-ubyte", labels);
  try {
    load_labelled_images("fashion_mnist", folder.path());
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(),
                testing::HasSubstr("t10k-labels-idx1-ubyte: at byte 18: sample 10 has label 10, expected 0 to 9"));
  }
}

TEST(LabelledImages, OneConstantChannelDoesNotDivideByZero) {
  const TemporaryFolder folder;
  put_idx_set(folder.path(), 2);
  std::vector<std::uint8_t> dark = idx_bytes({2, 2, 3});
  std::fill(dark.begin() + 16, dark.end(), std::uint8_t{7});
  write_bytes(folder.path() / "train-images-idx3-ubyte", dark);
  EXPECT_EQ(load_labelled_images("mnist", folder.path()).train.deviation[0], 1.0f);
}

TEST(LabelledImages, CifarThatCannotBeHadIsReplacedByTheColourSet) {
  const TemporaryFolder folder;
  const EnvironmentVariable data("QUASAR_DATA", (folder.path() / "data").string());
  const EnvironmentVariable cache("QUASAR_CACHE", (folder.path() / "cache").string());
  const EnvironmentVariable python("QUASAR_PYTHON", "/bin/false");
  testing::internal::CaptureStderr();
  const LabelledImageSets sets = load_labelled_images("cifar10", "", {.train = 20, .test = 10});
  const std::string said = testing::internal::GetCapturedStderr();
  if (sets.name == "cifar10") GTEST_SKIP() << "unpacked CIFAR-10 lies beside the clone";
  EXPECT_THAT(said, testing::HasSubstr("cifar10 cannot be had here: using the built-in images procedural_color"));
  EXPECT_EQ(sets.name, "procedural_color");
  EXPECT_EQ(sets.train.count, 20);
  EXPECT_EQ(sets.test.count, 10);
  EXPECT_EQ(sets.train.mean.size(), 3u);
  EXPECT_THROW(load_labelled_images("cifar-10"), DataError);
}

TEST(DataHash, SeesEveryPixelLabelAndTheShapeButNotTheFolder) {
  const LabelledImages images = random_images(3, 5, 5);  // 225 bytes of pixels: not whole words
  const std::uint64_t hash = data_hash(images);
  for (std::size_t i = 0; i < images.pixels.size(); ++i) {
    LabelledImages other = images;
    other.pixels[i] ^= 0x80;
    EXPECT_NE(data_hash(other), hash) << "pixel " << i;
  }
  for (std::size_t i = 0; i < 3; ++i) {
    LabelledImages other = images;
    other.labels[i] ^= 1;
    EXPECT_NE(data_hash(other), hash) << "label " << i;
  }
  LabelledImages two_bits = images, swapped = images, reshaped = images, moved = images;
  two_bits.pixels[7] ^= 0x80;  // the words' highest bits, which a plain multiplication would let cancel
  two_bits.pixels[15] ^= 0x80;
  EXPECT_NE(data_hash(two_bits), hash);
  std::swap(swapped.labels[0], swapped.labels[1]);
  EXPECT_NE(data_hash(swapped), hash);
  std::swap(reshaped.rows, reshaped.channels);
  EXPECT_NE(data_hash(reshaped), hash);
  moved.source = "elsewhere";
  EXPECT_EQ(data_hash(moved), hash);
}

TEST(ProceduralColor, IsTheSameOnEveryCallAndDiffersBetweenSplits) {
  const LabelledImages first = procedural_color_images(Split::train, 30),
                       more = procedural_color_images(Split::train, 40);
  EXPECT_EQ(first.pixels, std::vector<std::uint8_t>(more.pixels.begin(), more.pixels.begin() + 30 * 3072));
  EXPECT_NE(first.pixels, procedural_color_images(Split::test, 30).pixels);
  EXPECT_EQ(first.labels[17], 7);
}

/// How the differences of neighbouring pixels depend on distance and direction: knows textures, not colours.
std::vector<double> texture_features(const LabelledImages& images, std::int64_t image, bool mirrored) {
  std::vector<double> features;
  const auto at = [&](int channel, int row, int col) {
    if (mirrored) col = 31 - col;
    return static_cast<double>(images.pixels[static_cast<std::size_t>(((image * 3 + channel) * 32 + row) * 32 + col)]);
  };
  for (const auto& [down, right] : {std::pair{0, 1}, {1, 0}, {1, 1}, {0, 2}, {2, 0}, {2, 2}, {0, 4}, {4, 0}, {4, 4}}) {
    double sum = 0.0;
    for (int channel = 0; channel < 3; ++channel)
      for (int row = 0; row + down < 32; ++row)
        for (int col = 0; col + right < 32; ++col)
          sum +=
              std::abs(at(channel, row + down, col + right) - at(channel, row, col)) / ((32.0 - down) * (32.0 - right));
    features.push_back(sum);
  }
  double norm = 0.0;
  for (const double feature : features) norm += feature;
  for (double& feature : features) feature /= norm;
  return features;
}

std::vector<double> colour_features(const LabelledImages& images, std::int64_t image, bool) {
  std::vector<double> features(3);
  for (std::size_t i = 0; i < 3072; ++i)
    features[i / 1024] += images.pixels[static_cast<std::size_t>(image) * 3072 + i] / 1024.0;
  return features;
}

/// Share of `test` that has the class of the nearest mean of `train`'s features.
template <class Features>
double nearest_mean_accuracy(const LabelledImages& train, const LabelledImages& test, const Features& features,
                             bool mirrored) {
  std::vector<std::vector<double>> means(10);
  for (std::int64_t i = 0; i < train.count; ++i) {
    const std::vector<double> own = features(train, i, false);
    std::vector<double>& mean = means[train.labels[static_cast<std::size_t>(i)]];
    mean.resize(own.size());
    for (std::size_t j = 0; j < own.size(); ++j) mean[j] += own[j] / (static_cast<double>(train.count) / 10.0);
  }
  int right = 0;
  for (std::int64_t i = 0; i < test.count; ++i) {
    const std::vector<double> own = features(test, i, mirrored);
    std::size_t best = 0;
    double least = 1e300;
    for (std::size_t c = 0; c < 10; ++c) {
      double distance = 0.0;
      for (std::size_t j = 0; j < own.size(); ++j) distance += (own[j] - means[c][j]) * (own[j] - means[c][j]);
      if (distance < least) least = distance, best = c;
    }
    right += best == test.labels[static_cast<std::size_t>(i)];
  }
  return right / static_cast<double>(test.count);
}

TEST(ProceduralColor, TexturesTellTheClassesAlsoMirroredAndColoursDoNot) {
  const LabelledImages train = procedural_color_images(Split::train, 500),
                       test = procedural_color_images(Split::test, 300);
  const double texture = nearest_mean_accuracy(train, test, texture_features, false);
  EXPECT_GT(texture, 0.5);
  EXPECT_LT(texture, 0.99) << "too easy";
  EXPECT_GT(nearest_mean_accuracy(train, test, texture_features, true), 0.5) << "a mirrored image changes its class";
  EXPECT_LT(nearest_mean_accuracy(train, test, colour_features, false), 0.2) << "the mean colour tells the class";
}

}  // namespace
}  // namespace quasar
