#include "distributed/data/photo_batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "distributed/data/image_folder.h"
#include "distributed/data/jpeg.h"
#include "distributed/data/photo_crop.h"
#include "distributed/data/procedural_photos.h"
#include "distributed/data/resample.h"
#include "tests/distributed/random_images.h"
#include "tests/distributed/temporary_folder.h"
#include "tests/distributed/written_photos.h"

namespace quasar {
namespace {

constexpr int kSize = 16, kImage = 3 * kSize * kSize, kCount = 9;
constexpr AugmentationOptions kAll{.flip = true, .label_flip = 0.2, .mixup = 0.3, .seed = 4};

struct Batch {
  std::vector<float> inputs;
  std::vector<std::int64_t> labels;
  bool operator==(const Batch&) const = default;
};

Batch read(const ImageBatches<float>& batches, std::span<const Visit> visits) {
  Batch batch{std::vector<float>(visits.size() * kImage), std::vector<std::int64_t>(visits.size())};
  MixUp mixed;
  batches.read(visits, batch.inputs.data(), batch.labels.data(), &mixed);
  return batch;
}

class Photographs : public testing::Test {
 protected:
  Photographs() { write_image_folder(folder_.path(), 3); }

  std::filesystem::path file(int sample) const {
    return folder_.path() / ("train/class " + std::to_string(sample / 3) + "/p" + std::to_string(sample % 3) + ".jpg");
  }
  static PhotoOptions options(int readers, OnDamaged on_damaged = OnDamaged::stop) {
    return {.size = kSize,
            .readers = readers,
            .random_resized_crop = true,
            .rand_augment = {.layers = 2, .magnitude = 10},
            .on_damaged = on_damaged};
  }
  PhotoBatches<float> batches(const PhotoOptions& options, const AugmentationOptions& augmentation = kAll,
                              ImageLayout layout = ImageLayout::channels_first) const {
    return {open_image_folder(folder_.path(), Split::train), options, augmentation, layout, damaged_};
  }
  std::string error_of(int readers) const {
    try {
      read(batches(options(readers)), visits_in_turn(kCount, kCount));
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  }

  const std::shared_ptr<DamagedSamples> damaged_ = std::make_shared<DamagedSamples>();
  TemporaryFolder folder_;
};

TEST_F(Photographs, AreTheSameWithAnyNumberOfReadersAndAnyHints) {
  const std::vector<Visit> visits = visits_in_turn(24, kCount, 100), others = visits_in_turn(30, kCount, 300);
  const Batch expected = read(batches(options(1)), visits);
  for (const int readers : {1, 2, 5}) {
    const PhotoBatches<float> some = batches(options(readers));
    EXPECT_EQ(read(some, visits), expected);
    some.prefetch(visits);
    EXPECT_EQ(read(some, visits), expected) << "hinted, " << readers << " readers";
    some.prefetch(others);
    EXPECT_EQ(read(some, visits), expected) << "hinted wrongly";
    some.prefetch(std::span(visits).subspan(7));
    some.prefetch(others);
    some.prefetch(visits);
    EXPECT_EQ(read(some, visits), expected) << "hinted, given up and hinted again";
    some.prefetch(others);  // and destroyed while at work
  }
}

TEST_F(Photographs, AVisitGivesTheSameInAnyBatch) {
  AugmentationOptions unmixed = kAll;
  unmixed.mixup = 0.0;
  const PhotoBatches<float> some = batches(options(2), unmixed);
  const std::vector<Visit> visits = visits_in_turn(12, kCount, 50);
  const Batch together = read(some, visits);
  for (std::size_t i = 0; i < visits.size(); ++i) {
    const Batch one = read(some, {&visits[i], 1});
    EXPECT_TRUE(std::equal(one.inputs.begin(), one.inputs.end(),
                           together.inputs.begin() + static_cast<std::ptrdiff_t>(i) * kImage));
    EXPECT_EQ(one.labels[0], together.labels[i]);
  }
  const std::vector<Visit> twice = {visits[3], visits[3]};
  const Batch equal = read(some, twice);
  EXPECT_TRUE(std::equal(equal.inputs.begin(), equal.inputs.begin() + kImage, equal.inputs.begin() + kImage));
}

TEST_F(Photographs, SeedAndPositionChooseTheAugmentation) {
  AugmentationOptions other = kAll;
  other.seed = 5;
  const std::vector<Visit> visits = visits_in_turn(9, kCount), later = visits_in_turn(9, kCount, 9);
  const Batch batch = read(batches(options(1)), visits);
  EXPECT_NE(batch.inputs, read(batches(options(1)), later).inputs);
  EXPECT_NE(batch.inputs, read(batches(options(1), other), visits).inputs);
}

TEST_F(Photographs, PlainOnesAreTheCentralCropNormalisedByImageNetsConstants) {
  const PhotoBatches<float> first = batches(options(2)), last = batches(options(2), kAll, ImageLayout::channels_last);
  std::vector<float> inputs(4 * kImage), swapped(4 * kImage);
  std::vector<std::int64_t> labels(4);
  EXPECT_EQ(first.read_plain(2, 4, inputs.data(), labels.data()), 4);
  EXPECT_EQ(last.read_plain(2, 4, swapped.data(), labels.data()), 4);
  EXPECT_THAT(labels, testing::ElementsAre(0, 1, 1, 1));
  const double mean[] = {0.485, 0.456, 0.406}, deviation[] = {0.229, 0.224, 0.225};
  JpegDecoder decoder;
  Resampler resampler;
  int compared = 0;
  for (int i = 0; i < 4; ++i) {
    std::ifstream stream(file(i + 2), std::ios::binary);
    const std::vector<std::uint8_t> bytes(std::istreambuf_iterator<char>(stream), {});
    Photo photo, small;
    const PhotoBox box = central_crop(decoder.open(bytes));
    const int denominator = std::min(box.rows, box.cols) >= 2 * kSize ? 2 : 1;
    decoder.decode(denominator, photo);
    if (denominator == 2) continue;
    ++compared;
    resampler.resize(photo, box, {.rows = kSize, .cols = kSize}, small);
    for (int p = 0; p < kSize * kSize; ++p)
      for (int c = 0; c < 3; ++c) {
        const float x = inputs[static_cast<std::size_t>((i * 3 + c) * kSize * kSize + p)];
        ASSERT_NEAR(x, (small.pixels[static_cast<std::size_t>(3 * p + c)] / 255.0 - mean[c]) / deviation[c], 1e-5);
        ASSERT_EQ(x, swapped[static_cast<std::size_t>(i * kImage + 3 * p + c)]);
      }
  }
  EXPECT_GT(compared, 0);
}

TEST_F(Photographs, ADamagedOneStopsWithItsPlaceWhateverTheReaders) {
  write_file(file(4), "no photograph");
  write_file(file(7), "");
  for (const int readers : {1, 3}) {
    EXPECT_THAT(error_of(readers),
                testing::AllOf(testing::HasSubstr(file(4).string()), testing::HasSubstr("sample 4 is damaged"),
                               testing::HasSubstr("data.on_damaged")));
  }
}

TEST_F(Photographs, SkippingReplacesByTheNextSoundOneAndLeavesTheOthersAlone) {
  AugmentationOptions unmixed = kAll;
  unmixed.mixup = 0.0;
  const std::vector<Visit> visits = visits_in_turn(18, kCount);
  const Batch clean = read(batches(options(2), unmixed), visits);
  const std::string bytes = "cut short";
  write_file(file(4), bytes);
  write_file(file(5), bytes);
  const PhotoBatches<float> skipping = batches(options(3, OnDamaged::skip), unmixed);
  const Batch batch = read(skipping, visits);
  std::vector<Visit> replaced = visits;
  for (Visit& visit : replaced)
    if (visit.sample == 4 || visit.sample == 5) visit.sample = 6;
  EXPECT_EQ(batch, read(skipping, replaced));
  EXPECT_THAT(damaged_->samples(), testing::ElementsAre(4, 5));
  for (std::size_t i = 0; i < visits.size(); ++i) {
    if (visits[i].sample == 4 || visits[i].sample == 5) continue;
    const auto at = static_cast<std::ptrdiff_t>(i) * kImage;
    EXPECT_TRUE(std::equal(batch.inputs.begin() + at, batch.inputs.begin() + at + kImage, clean.inputs.begin() + at));
  }
  for (int sample = 0; sample < kCount; ++sample) write_file(file(sample), "x");
  EXPECT_THROW(read(batches(options(1, OnDamaged::skip)), visits), DataError) << "none is sound";
}

TEST_F(Photographs, PlainReadingLeavesDamagedOnesOut) {
  std::vector<float> clean(5 * kImage), inputs(5 * kImage);
  std::vector<std::int64_t> labels(5);
  EXPECT_EQ(batches(options(1)).read_plain(2, 5, clean.data(), labels.data()), 5);
  for (const int sample : {2, 4, 5}) write_file(file(sample), "cut short");
  for (const int readers : {1, 3}) {
    std::fill(labels.begin(), labels.end(), -1);
    EXPECT_EQ(batches(options(readers, OnDamaged::skip)).read_plain(2, 5, inputs.data(), labels.data()), 2);
    EXPECT_THAT(labels, testing::ElementsAre(1, 2, -1, -1, -1)) << "of samples 3 and 6";
    EXPECT_TRUE(std::equal(inputs.begin(), inputs.begin() + kImage, clean.begin() + kImage));
    EXPECT_TRUE(std::equal(inputs.begin() + kImage, inputs.begin() + 2 * kImage, clean.begin() + 4 * kImage));
  }
  EXPECT_THAT(damaged_->samples(), testing::ElementsAre(2, 4, 5));
}

TEST_F(Photographs, WhatIsOnlyPreparedAheadIsNotCounted) {
  write_file(file(4), "cut short");
  const std::vector<Visit> visits = visits_in_turn(kCount, kCount);
  const PhotoBatches<float> some = batches(options(1, OnDamaged::skip));
  some.prefetch(visits);
  read(some, std::span(visits).subspan(5));  // later than the damaged one for the only reader
  EXPECT_THAT(damaged_->samples(), testing::IsEmpty());
  read(some, visits);
  EXPECT_THAT(damaged_->samples(), testing::ElementsAre(4));
}

TEST_F(Photographs, AFileThatVanishesIsAnErrorEvenWhereDamagedOnesAreSkipped) {
  const PhotoBatches<float> some = batches(options(2, OnDamaged::skip));
  std::filesystem::remove(file(3));
  try {
    read(some, visits_in_turn(kCount, kCount));
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("p0.jpg: cannot be opened"));
  }
}

TEST_F(Photographs, ImpossibleOptionsAreRefusedNamingTheKey) {
  EXPECT_THROW(batches(options(1), {.label_flip = 1.5}), ConfigError);
  EXPECT_THROW(batches(options(1), {.mixup = -1.0}), ConfigError);
}

std::string error_of_folder(const std::filesystem::path& root, Split split) {
  try {
    open_image_folder(root, split);
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

TEST_F(Photographs, AnImageFolderIsSortedAndChecked) {
  const auto set = open_image_folder(folder_.path(), Split::train);
  ASSERT_EQ(set->count(), kCount);
  EXPECT_EQ(set->classes(), 3);
  for (int sample = 0; sample < kCount; ++sample) {
    EXPECT_EQ(set->place(sample), file(sample).string());
    EXPECT_EQ(set->label(sample), sample / 3);
  }
  EXPECT_EQ(open_image_folder(folder_.path(), Split::test)->count(), 6);

  const auto identity = set->identity();
  write_file(folder_.path() / "train/class 1/notes.txt", "left alone");
  EXPECT_EQ(open_image_folder(folder_.path(), Split::train)->identity(), identity);
  std::filesystem::rename(file(4), folder_.path() / "train/class 1/p1b.JPEG");
  EXPECT_NE(open_image_folder(folder_.path(), Split::train)->identity(), identity);

  write_file(folder_.path() / "train/class 1/x.png", "x");
  EXPECT_THAT(error_of_folder(folder_.path(), Split::train), testing::HasSubstr("x.png: only JPEG files are read"));
  write_file(folder_.path() / "val/class 9/p.jpg", "x");
  EXPECT_THAT(error_of_folder(folder_.path(), Split::test),
              testing::HasSubstr("class 9: there is no such class in train"));
  std::filesystem::remove_all(folder_.path() / "train/class 1");
  std::filesystem::create_directories(folder_.path() / "train/class 1");
  EXPECT_THAT(error_of_folder(folder_.path(), Split::train), testing::HasSubstr("class 1: the class is empty"));
  EXPECT_THAT(error_of_folder(folder_.path() / "nowhere", Split::train),
              testing::HasSubstr("nowhere/train: cannot be read"));
}

TEST(ProceduralPhotos, AreManySizesAndEqualOnEveryReading) {
  const auto set = procedural_photos(Split::train, {.train = 1'281'167, .test = 10, .classes = 1000});
  EXPECT_EQ(set->count(), 1'281'167);
  EXPECT_EQ(set->label(1'281'166), 166);
  const auto one = set->make_reader(), two = set->make_reader();
  Photo first, second, half;
  EXPECT_EQ(one->open(1'281'166), two->open(1'281'166));
  one->decode(1, first);
  two->decode(1, second);
  EXPECT_EQ(first.pixels, second.pixels);
  one->decode(2, half);
  EXPECT_EQ(half.size.rows, (first.size.rows + 1) / 2);
  EXPECT_EQ(half.row(3)[3 * 5], first.row(6)[3 * 10]) << "every other pixel";
  EXPECT_NE(one->open(5), one->open(6));
}

}  // namespace
}  // namespace quasar
