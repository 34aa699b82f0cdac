#include "distributed/data/image_classification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "distributed/data/find_data.h"
#include "distributed/data/procedural_images.h"

namespace quasar {
namespace {

ImageSet three_images() {
  ImageSet set{.rows = 2, .cols = 2, .pixels = {}, .labels = {6, 3, 0}, .source = "test"};
  set.pixels = {0, 0, 0, 255, 1, 2, 3, 4, 255, 255, 255, 255};
  return set;
}

TEST(RegressionSet, AveragesTwoByTwoPixelsAndKeepsFileOrder) {
  const RegressionSet set = make_regression_set(three_images(), {0, 6}, 2);
  EXPECT_EQ(set.features, 1);
  EXPECT_EQ(set.outputs, 1);
  EXPECT_THAT(set.inputs, testing::ElementsAre(testing::DoubleNear((0.25 - 0.3) / 4.0, 1e-15),
                                               testing::DoubleNear((1.0 - 0.3) / 4.0, 1e-15)));
  EXPECT_THAT(set.targets, testing::ElementsAre(-1.0, 1.0));
  EXPECT_THAT(set.classes, testing::ElementsAre(1, 0));
}

TEST(RegressionSet, MoreThanTwoClassesHaveOneOutputEach) {
  const RegressionSet set = make_regression_set(three_images(), {0, 3, 6}, 3);
  EXPECT_EQ(set.outputs, 3);
  EXPECT_THAT(set.targets, testing::ElementsAre(-1, -1, 1, -1, 1, -1, 1, -1, -1));
}

TEST(RegressionSet, SkipContinuesWhereTheFirstOnesEnded) {
  const ImageSet images = procedural_images(Split::train, 100);
  const RegressionSet all = make_regression_set(images, {0, 6}, 8), rest = make_regression_set(images, {0, 6}, 5, 3);
  EXPECT_EQ(rest.inputs, std::vector<double>(all.inputs.begin() + 3 * 196, all.inputs.end()));
}

TEST(RegressionSet, TooFewImagesSayHowMany) {
  try {
    make_regression_set(three_images(), {0, 6}, 3);
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("holds 2 images of the classes asked for, 3 are needed"));
  }
}

TEST(ProceduralImages, AreTheSameOnEveryCallAndDifferBetweenSplits) {
  const ImageSet first = procedural_images(Split::train, 40), again = procedural_images(Split::train, 60);
  EXPECT_EQ(first.pixels, std::vector<std::uint8_t>(again.pixels.begin(), again.pixels.begin() + 40 * 784));
  EXPECT_NE(first.pixels, procedural_images(Split::test, 40).pixels);
  EXPECT_EQ(first.labels[13], 3);
}

TEST(ProceduralImages, ClassesDifferByMoreThanTheirNoise) {
  // Gratings with a random phase: their power along the stripes tells the angle, here 0 (columns) against 90 degrees.
  const ImageSet set = procedural_images(Split::train, 200);
  int right = 0, asked = 0;
  for (std::size_t i = 0; i < set.labels.size(); ++i) {
    if (set.labels[i] != 0 && set.labels[i] != 5) continue;
    const std::uint8_t* image = set.pixels.data() + i * 784;
    double across_columns = 0.0, across_rows = 0.0;
    for (int row = 8; row < 20; ++row)
      for (int col = 8; col < 20; ++col) {
        across_columns += std::abs(image[row * 28 + col + 1] - image[row * 28 + col]);
        across_rows += std::abs(image[(row + 1) * 28 + col] - image[row * 28 + col]);
      }
    ++asked;
    right += (across_columns > across_rows) == (set.labels[i] == 0);
  }
  EXPECT_EQ(asked, 40);
  EXPECT_EQ(right, asked);
}

TEST(LocateImages, UnknownNameIsRefused) { EXPECT_THROW(locate_images("fashion-mnist", ""), DataError); }

TEST(LoadImageSets, ProceduralImagesNeedNoFolder) {
  const ImageSets sets = load_image_sets(locate_images("procedural", ""));
  EXPECT_EQ(sets.train.source, "procedural");
  EXPECT_GE(make_regression_set(sets.test, {0, 6}, 1000).count, 1000);  // the main job's number of held-out images
}

TEST(FashionMnist, FirstThirtyTwoImagesAreThoseOfTheTheoryPage) {
  const auto folder = find_dataset("fashion_mnist", "", Download::never);
  if (!folder) GTEST_SKIP() << "Fashion-MNIST not found: set QUASAR_DATA";
  const ImageSet images = read_image_set(*folder, Split::train);
  EXPECT_EQ(images.labels.size(), 60000u);
  double mean = 0.0;
  for (const std::uint8_t pixel : images.pixels) mean += pixel / 255.0;
  EXPECT_NEAR(mean / static_cast<double>(images.pixels.size()), 0.28604, 1e-5);
  const RegressionSet set = make_regression_set(images, {0, 6}, 32);
  EXPECT_EQ(set.inputs.size(), 32u * 196u);
  EXPECT_EQ(read_image_set(*folder, Split::test).labels.size(), 10000u);
}

}  // namespace
}  // namespace quasar
