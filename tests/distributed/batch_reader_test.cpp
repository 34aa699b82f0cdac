#include "distributed/data/batch_reader.h"

#include <cmath>
#include <map>
#include <thread>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "tests/distributed/random_images.h"

namespace quasar {
namespace {

template <class Real>
struct Batch {
  std::vector<Real> inputs;
  std::vector<std::int64_t> labels;
  bool operator==(const Batch&) const = default;
};

template <class Real = float>
Batch<Real> read(const BatchReader<Real>& reader, std::span<const Visit> visits) {
  Batch<Real> batch;
  batch.inputs.resize(visits.size() * static_cast<std::size_t>(reader.image_size()));
  batch.labels.resize(visits.size());
  reader.read(visits, batch.inputs.data(), batch.labels.data());
  return batch;
}

/// The crop at (down, right) of the image among `padding` black pixels, then the flip: the long way.
std::vector<double> slow_crop(const LabelledImages& images, std::int64_t sample, int padding, int down, int right,
                              bool flip) {
  const int padded_rows = images.rows + 2 * padding, padded_cols = images.cols + 2 * padding;
  std::vector<double> result;
  for (int channel = 0; channel < images.channels; ++channel) {
    std::vector<int> padded(static_cast<std::size_t>(padded_rows * padded_cols), 0);
    for (int row = 0; row < images.rows; ++row)
      for (int col = 0; col < images.cols; ++col)
        padded[static_cast<std::size_t>((row + padding) * padded_cols + col + padding)] =
            images.pixels[static_cast<std::size_t>(
                ((sample * images.channels + channel) * images.rows + row) * images.cols + col)];
    const double mean = images.mean[static_cast<std::size_t>(channel)];
    const double deviation = images.deviation[static_cast<std::size_t>(channel)];
    for (int row = 0; row < images.rows; ++row)
      for (int col = 0; col < images.cols; ++col) {
        const int source_col = flip ? images.cols - 1 - col : col;
        const int byte = padded[static_cast<std::size_t>((row + down) * padded_cols + source_col + right)];
        result.push_back((byte / 255.0 - mean) / deviation);
      }
  }
  return result;
}

TEST(BatchReader, NormalisesInTheTypeAsked) {
  const LabelledImages images = random_images(3);
  const std::vector<Visit> visits = {{2, 0, 0}, {0, 1, 0}};
  const auto doubles = read<double>(BatchReader<double>(images, {}), visits);
  const auto floats = read<float>(BatchReader<float>(images, {}), visits);
  EXPECT_THAT(floats.labels, testing::ElementsAre(2, 0));
  std::vector<double> expected = slow_crop(images, 2, 0, 0, 0, false);
  const std::vector<double> second = slow_crop(images, 0, 0, 0, 0, false);
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(doubles.inputs, expected);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(floats.inputs[i], expected[i], 1e-6);
}

TEST(BatchReader, CropsAndFlipsAreThoseOfThePaddedImageAndEquallyLikely) {
  constexpr int kPadding = 2;
  constexpr std::int64_t kVisits = 20'000;
  const LabelledImages images = random_images(4);
  const BatchReader<double> reader(images, {.crop_padding = kPadding, .flip = true, .seed = 8});
  const std::vector<Visit> visits = visits_in_turn(kVisits, 4);
  const auto batch = read<double>(reader, visits);
  std::map<std::vector<double>, std::tuple<std::int64_t, int, int, bool>> possible;
  for (std::int64_t sample = 0; sample < 4; ++sample)
    for (int down = 0; down <= 2 * kPadding; ++down)
      for (int right = 0; right <= 2 * kPadding; ++right)
        for (const bool flip : {false, true})
          possible[slow_crop(images, sample, kPadding, down, right, flip)] = {sample, down, right, flip};
  ASSERT_EQ(possible.size(), 4u * 50u);
  std::map<std::tuple<int, int, bool>, double> seen;
  const auto size = static_cast<std::size_t>(reader.image_size());
  for (std::size_t i = 0; i < visits.size(); ++i) {
    const auto first = batch.inputs.begin() + static_cast<std::ptrdiff_t>(i * size);
    const auto found = possible.find(std::vector<double>(first, first + static_cast<std::ptrdiff_t>(size)));
    ASSERT_NE(found, possible.end()) << "visit " << i << " is no crop of its image";
    const auto [sample, down, right, flip] = found->second;
    ASSERT_EQ(sample, visits[i].sample);
    ++seen[{down, right, flip}];
  }
  EXPECT_EQ(seen.size(), 50u);
  double chi_square = 0.0;
  for (const auto& [place, count] : seen)
    chi_square += (count - kVisits / 50.0) * (count - kVisits / 50.0) / (kVisits / 50.0);
  EXPECT_NEAR(chi_square, 49.0, 4.0 * std::sqrt(2.0 * 49.0));
}

TEST(BatchReader, WhatLiesOutsideTheImageIsBlackNotZero) {
  LabelledImages images = random_images(1);
  images.pixels.assign(images.pixels.size(), 255);
  const BatchReader<double> reader(images, {.crop_padding = 4, .seed = 8});
  const auto batch = read<double>(reader, visits_in_turn(50, 1));
  const double mean = images.mean[0], deviation = images.deviation[0];
  int black = 0;
  for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
    if (i / 35 % 3 != 0) continue;
    black += batch.inputs[i] == (0.0 - mean) / deviation;
    EXPECT_TRUE(batch.inputs[i] == (0.0 - mean) / deviation || batch.inputs[i] == (1.0 - mean) / deviation);
  }
  EXPECT_GT(black, 0);
}

TEST(BatchReader, ChannelsLastHoldsTheSameNumbers) {
  const LabelledImages images = random_images(6);
  const AugmentationOptions options{.crop_padding = 2, .flip = true, .label_flip = 0.3, .seed = 8};
  const std::vector<Visit> visits = visits_in_turn(20, 6);
  const auto first = read<float>(BatchReader<float>(images, options), visits);
  const auto last = read<float>(BatchReader<float>(images, options, ImageLayout::channels_last), visits);
  EXPECT_EQ(first.labels, last.labels);
  for (std::size_t image = 0; image < 20; ++image)
    for (std::size_t channel = 0; channel < 3; ++channel)
      for (std::size_t pixel = 0; pixel < 35; ++pixel)
        ASSERT_EQ(last.inputs[(image * 35 + pixel) * 3 + channel], first.inputs[(image * 3 + channel) * 35 + pixel]);
}

TEST(BatchReader, AVisitGivesTheSameBytesInAnyGroupingAndThread) {
  const LabelledImages images = random_images(13);
  const BatchReader<float> reader(images, {.crop_padding = 2, .flip = true, .label_flip = 0.3, .seed = 8});
  const std::vector<Visit> visits = visits_in_turn(60, 13, (std::int64_t{1} << 40) + 5);
  const auto together = read<float>(reader, visits);
  for (const std::size_t group : {1u, 4u, 15u}) {
    Batch<float> parts{std::vector<float>(together.inputs.size()), std::vector<std::int64_t>(60)};
    std::vector<std::jthread> threads;
    for (std::size_t begin = 0; begin < 60; begin += group)
      threads.emplace_back([&, begin] {
        reader.read(std::span(visits).subspan(begin, group), parts.inputs.data() + begin * 105,
                    parts.labels.data() + begin);
      });
    threads.clear();
    EXPECT_EQ(parts, together);
  }
}

TEST(BatchReader, SeedAndPositionChooseTheAugmentation) {
  const LabelledImages images = random_images(1);
  const AugmentationOptions one{.crop_padding = 2, .flip = true, .label_flip = 0.5, .seed = 1};
  AugmentationOptions two = one;
  two.seed = 2;
  const std::vector<Visit> visits = visits_in_turn(20, 1), later = visits_in_turn(20, 1, 20);
  EXPECT_NE(read<float>(BatchReader<float>(images, one), visits), read<float>(BatchReader<float>(images, two), visits));
  EXPECT_NE(read<float>(BatchReader<float>(images, one), visits), read<float>(BatchReader<float>(images, one), later));
}

TEST(BatchReader, PlainReadingIsInFileOrderAndNeverAugments) {
  const LabelledImages images = random_images(9);
  const BatchReader<float> reader(images, {.crop_padding = 2, .flip = true, .label_flip = 1.0, .mixup = 0.5});
  std::vector<float> inputs(4 * 105);
  std::vector<std::int64_t> labels(4);
  EXPECT_EQ(reader.read_plain(5, 4, inputs.data(), labels.data()), 4);
  EXPECT_THAT(labels, testing::ElementsAre(5, 6, 7, 8));
  const std::vector<Visit> visits = {{5, 0, 0}, {6, 1, 0}, {7, 2, 0}, {8, 3, 0}};
  EXPECT_EQ(inputs, read<float>(BatchReader<float>(images, {}), visits).inputs);
}

TEST(LabelFlip, RateIsPOfOtherLabelsNotPOfAnyLabel) {
  constexpr double kP = 0.1;
  constexpr std::int64_t kVisits = 90'000;
  const LabelledImages images = random_images(20, 1, 1);
  const BatchReader<float> reader(images, {.label_flip = kP, .seed = 4});
  const std::vector<Visit> visits = visits_in_turn(kVisits, 20);
  const auto batch = read<float>(reader, visits);
  std::map<std::int64_t, double> shift;
  for (std::size_t i = 0; i < visits.size(); ++i)
    ++shift[(batch.labels[i] - images.labels[static_cast<std::size_t>(visits[i].sample)] + 10) % 10];
  const double rate = 1.0 - shift[0] / kVisits, standard_error = std::sqrt(kP * (1.0 - kP) / kVisits);
  EXPECT_NEAR(rate, kP, 4.0 * standard_error);
  // A class drawn from all ten would leave one label in ten as it was.
  EXPECT_GT(std::abs(rate - 0.9 * kP), 4.0 * standard_error);
  double chi_square = 0.0;
  const double expected = rate * kVisits / 9.0;
  for (std::int64_t other = 1; other < 10; ++other)
    chi_square += (shift[other] - expected) * (shift[other] - expected) / expected;
  EXPECT_NEAR(chi_square, 8.0, 4.0 * std::sqrt(2.0 * 8.0));
}

TEST(LabelFlip, IsDrawnAnewAtEveryVisit) {
  const LabelledImages images = random_images(1, 1, 1);
  const auto labels =
      read<float>(BatchReader<float>(images, {.label_flip = 0.5, .seed = 4}), visits_in_turn(64, 1)).labels;
  EXPECT_THAT(labels, testing::Contains(0));
  EXPECT_THAT(labels, testing::Contains(testing::Ne(0)));
}

TEST(LabelFlip, ProbabilityOneNeverKeepsALabel) {
  const LabelledImages images = random_images(10, 1, 1);
  const BatchReader<float> reader(images, {.label_flip = 1.0});
  const auto batch = read<float>(reader, visits_in_turn(2000, 10));
  for (std::size_t i = 0; i < batch.labels.size(); ++i) ASSERT_NE(batch.labels[i], static_cast<std::int64_t>(i % 10));
}

std::string error_of(const LabelledImages& images, const AugmentationOptions& options) {
  try {
    const BatchReader<float> reader(images, options);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(BatchReader, ImpossibleOptionsAreRefusedNamingTheKey) {
  const LabelledImages images = random_images(2);
  EXPECT_THAT(error_of(images, {.crop_padding = 5}), testing::HasSubstr("data.crop_padding = 5"));
  EXPECT_EQ(error_of(images, {.crop_padding = 4}), "");
  EXPECT_THAT(error_of(images, {.label_flip = 1.5}), testing::HasSubstr("data.label_flip"));
  EXPECT_THAT(error_of(images, {.label_flip = std::nan("")}), testing::HasSubstr("data.label_flip"));
  EXPECT_THAT(error_of(images, {.mixup = -0.1}), testing::HasSubstr("data.mixup"));
  LabelledImages empty = images;
  empty.count = 0;
  EXPECT_THAT(error_of(empty, {}), testing::HasSubstr("data.*: the data set is empty"));
}

}  // namespace
}  // namespace quasar
