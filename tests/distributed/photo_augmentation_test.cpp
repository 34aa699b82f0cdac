#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "distributed/data/photo_crop.h"
#include "distributed/data/rand_augment.h"
#include "distributed/data/resample.h"
#include "tests/distributed/photo_vectors.h"

namespace quasar {
namespace {

TEST(Resampler, EqualsPillowsBilinearToTheLastBit) {
  const auto& vectors = photo_vectors().at("resized");
  const Photo image = photo_of(vectors.at("image"));
  Resampler resampler;
  for (const auto& vector : vectors.at("cases")) {
    const Photo expected = photo_of(vector);
    const auto edges = vector.at("box").get<std::vector<int>>();
    Photo photo;
    resampler.resize(image,
                     {.top = edges[1], .left = edges[0], .rows = edges[3] - edges[1], .cols = edges[2] - edges[0]},
                     expected.size, photo);
    EXPECT_EQ(photo.pixels, expected.pixels) << vector.at("box");
  }
}

TEST(PhotoOperations, EqualTorchvisionsAndHaveItsMagnitudes) {
  static const std::vector<std::string> names = {"Identity",  "ShearX",     "ShearY",       "TranslateX", "TranslateY",
                                                 "Rotate",    "Brightness", "Color",        "Contrast",   "Sharpness",
                                                 "Posterize", "Solarize",   "AutoContrast", "Equalize"};
  const auto& vectors = photo_vectors().at("operations");
  const Photo image = photo_of(vectors.at("image"));
  Photo scratch;
  std::vector<bool> seen(names.size());
  for (const auto& vector : vectors.at("cases")) {
    const auto number = std::find(names.begin(), names.end(), vector.at("operation")) - names.begin();
    const auto operation = static_cast<PhotoOperation>(number);
    seen.at(static_cast<std::size_t>(number)) = true;
    const double magnitude =
        vector.at("sign").get<double>() * operation_magnitude(operation, vector.at("bin"), image.size);
    EXPECT_NEAR(magnitude, vector.at("magnitude"), 1e-5) << vector.at("operation");
    Photo photo = image;
    apply(operation, magnitude, photo, scratch);
    EXPECT_EQ(photo.pixels, photo_of(vector).pixels)
        << vector.at("operation") << " bin " << vector.at("bin") << " sign " << vector.at("sign");
  }
  EXPECT_EQ(seen, std::vector<bool>(names.size(), true));
}

TEST(RandomResizedCrop, AreaAndLogRatioAreUniformAmongThoseThatFit) {
  constexpr std::int64_t kCrops = 20'000;
  const PhotoSize photo{.rows = 800, .cols = 1000};
  double areas = 0.0, squares = 0.0, log_ratios = 0.0;
  for (std::int64_t position = 0; position < kCrops; ++position) {
    const PhotoBox box = random_resized_crop(photo, 3, position);
    ASSERT_GE(std::min(box.top, box.left), 0);
    ASSERT_LE(box.top + box.rows, photo.rows);
    ASSERT_LE(box.left + box.cols, photo.cols);
    const double area = box.rows * box.cols / 8e5;
    areas += area / kCrops;
    squares += area * area / kCrops;
    log_ratios += std::log(static_cast<double>(box.cols) / box.rows) / kCrops;
  }
  // The means over (u, v) with sqrt(u A e^v) <= cols and sqrt(u A e^-v) <= rows, on a grid.
  constexpr int kGrid = 1000;
  double fitting = 0.0, area = 0.0, log_ratio = 0.0, squared_log_ratio = 0.0;
  for (int i = 0; i < kGrid; ++i)
    for (int j = 0; j < kGrid; ++j) {
      const double u = 0.08 + 0.92 * (i + 0.5) / kGrid, v = std::log(4.0 / 3.0) * (2.0 * (j + 0.5) / kGrid - 1.0);
      if (u * std::exp(v) > 1.25 || u * std::exp(-v) > 0.8) continue;
      fitting += 1.0;
      area += u;
      log_ratio += v;
      squared_log_ratio += v * v;
    }
  EXPECT_NEAR(areas, area / fitting, 4.0 * std::sqrt((squares - areas * areas) / kCrops));
  EXPECT_NEAR(log_ratios, log_ratio / fitting, 4.0 * std::sqrt(squared_log_ratio / fitting / kCrops));
}

TEST(RandomResizedCrop, FallsBackToTheLargestCentredPart) {
  const auto all_equal = [](PhotoSize photo, PhotoBox expected) {
    for (std::int64_t position = 0; position < 50; ++position)
      EXPECT_EQ(random_resized_crop(photo, 1, position), expected);
  };
  all_equal({.rows = 3, .cols = 3000}, {.top = 0, .left = 1498, .rows = 3, .cols = 4});
  all_equal({.rows = 3000, .cols = 3}, {.top = 1498, .left = 0, .rows = 4, .cols = 3});
  all_equal({.rows = 1, .cols = 1}, {.top = 0, .left = 0, .rows = 1, .cols = 1});
}

TEST(RandomResizedCrop, IsChosenBySeedAndPosition) {
  const PhotoSize photo{.rows = 800, .cols = 1000};
  EXPECT_EQ(random_resized_crop(photo, 3, 7), random_resized_crop(photo, 3, 7));
  EXPECT_NE(random_resized_crop(photo, 3, 7), random_resized_crop(photo, 3, 8));
  EXPECT_NE(random_resized_crop(photo, 3, 7), random_resized_crop(photo, 4, 7));
}

TEST(CentralCrop, IsSevenEighthsOfTheShorterSide) {
  EXPECT_EQ(central_crop({.rows = 240, .cols = 320}), (PhotoBox{.top = 15, .left = 55, .rows = 210, .cols = 210}));
  EXPECT_EQ(central_crop({.rows = 1, .cols = 1}), (PhotoBox{.top = 0, .left = 0, .rows = 1, .cols = 1}));
}

bool has_two_signs(const nlohmann::json& vector) {
  const auto& cases = photo_vectors().at("operations").at("cases");
  return std::any_of(cases.begin(), cases.end(), [&](const auto& other) {
    return other.at("operation") == vector.at("operation") && other.at("sign") == -1.0;
  });
}

TEST(RandAugment, DrawsAllOperationsAndBothSignsAlike) {
  const Photo image = photo_of(photo_vectors().at("operations").at("image"));
  constexpr std::int64_t kDraws = 5000;
  std::map<std::string, int> seen;
  Photo scratch;
  for (std::int64_t position = 0; position < kDraws; ++position) {
    Photo photo = image;
    rand_augment({.layers = 1, .magnitude = 10}, 2, position, photo, scratch);
    ++seen[std::string(photo.pixels.begin(), photo.pixels.end())];
  }
  // torchvision's results at bin 10 with the probability of each: 1/28 where there are two signs, else 1/14.
  std::map<std::string, double> expected;
  for (const auto& vector : photo_vectors().at("operations").at("cases"))
    if (vector.at("bin") != 30) {
      const Photo result = photo_of(vector);
      expected[std::string(result.pixels.begin(), result.pixels.end())] += has_two_signs(vector) ? 1.0 / 28 : 1.0 / 14;
    }
  double chi_square = 0.0;
  for (const auto& [pixels, count] : seen) {
    ASSERT_TRUE(expected.contains(pixels));
    const double mean = expected[pixels] * kDraws;
    chi_square += (count - mean) * (count - mean) / mean;
  }
  ASSERT_EQ(seen.size(), expected.size());
  const double freedom = static_cast<double>(expected.size()) - 1.0;
  EXPECT_NEAR(chi_square, freedom, 4.0 * std::sqrt(2.0 * freedom));
}

}  // namespace
}  // namespace quasar
