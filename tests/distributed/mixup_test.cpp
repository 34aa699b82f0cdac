#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "distributed/data/batch_reader.h"
#include "tests/distributed/random_images.h"

namespace quasar {
namespace {

/// Moments of lambda over many batches against those of Beta(a, a), whose central ones are
///   m2 = 1 / (4 (2a + 1)),  m4 = 3 / (16 (2a + 1) (2a + 3))
class Beta : public testing::TestWithParam<double> {};

TEST_P(Beta, MomentsOfLambdaAreRight) {
  const double a = GetParam();
  constexpr int kBatches = 20'000;
  const LabelledImages images = random_images(1, 1, 1);
  const BatchReader<float> reader(images, {.mixup = a, .seed = 5});
  double sum = 0.0, squares = 0.0, fourths = 0.0;
  for (std::int64_t i = 0; i < kBatches; ++i) {
    const std::vector<Visit> visit = {{0, i, 0}};
    float input[3];
    std::int64_t label;
    MixUp mix_up;
    reader.read(visit, input, &label, &mix_up);
    ASSERT_TRUE(mix_up.lambda >= 0.0 && mix_up.lambda <= 1.0);
    const double centred = mix_up.lambda - 0.5;
    sum += centred;
    squares += centred * centred;
    fourths += std::pow(centred, 4.0);
  }
  const double m2 = 1.0 / (4.0 * (2.0 * a + 1.0)), m4 = 3.0 / (16.0 * (2.0 * a + 1.0) * (2.0 * a + 3.0));
  EXPECT_NEAR(sum / kBatches, 0.0, 4.0 * std::sqrt(m2 / kBatches));
  EXPECT_NEAR(squares / kBatches, m2, 4.0 * std::sqrt((m4 - m2 * m2) / kBatches));
  EXPECT_NEAR(fourths / kBatches, m4, 4.0 * 0.0625 / std::sqrt(double{kBatches}));
}

INSTANTIATE_TEST_SUITE_P(MixUp, Beta, testing::Values(0.2, 1.0, 8.0));

struct Mixed {
  std::vector<double> inputs;
  std::vector<std::int64_t> labels;
  MixUp mix_up;
};

Mixed read_mixed(const LabelledImages& images, const AugmentationOptions& options, std::span<const Visit> visits) {
  const BatchReader<double> reader(images, options);
  Mixed mixed;
  mixed.inputs.resize(visits.size() * static_cast<std::size_t>(reader.image_size()));
  mixed.labels.resize(visits.size());
  reader.read(visits, mixed.inputs.data(), mixed.labels.data(), &mixed.mix_up);
  return mixed;
}

TEST(MixUp, MixesEachImageWithItsMirrorInTheBatch) {
  const LabelledImages images = random_images(20);
  for (const std::int64_t count : {7, 8}) {
    const std::vector<Visit> visits = visits_in_turn(count, 20, 3);
    const AugmentationOptions plain{.crop_padding = 1, .flip = true, .label_flip = 0.4, .mixup = 0.0, .seed = 5};
    AugmentationOptions with_mixup = plain;
    with_mixup.mixup = 0.7;
    const Mixed before = read_mixed(images, plain, visits), after = read_mixed(images, with_mixup, visits);
    const double lambda = after.mix_up.lambda;
    EXPECT_EQ(before.mix_up.lambda, 1.0);
    EXPECT_EQ(after.labels, before.labels) << "own labels stay, label flips included";
    EXPECT_EQ(after.mix_up.partner_labels, std::vector<std::int64_t>(before.labels.rbegin(), before.labels.rend()));
    const auto size = before.inputs.size() / static_cast<std::size_t>(count);
    for (std::size_t i = 0; i < before.inputs.size(); ++i) {
      const std::size_t partner = static_cast<std::size_t>(count) - 1 - i / size;
      EXPECT_NEAR(after.inputs[i],
                  lambda * before.inputs[i] + (1.0 - lambda) * before.inputs[partner * size + i % size], 1e-14);
    }
  }
}

TEST(MixUp, WithoutAPlaceForItNothingIsMixed) {
  const LabelledImages images = random_images(4);
  const BatchReader<double> mixing(images, {.mixup = 0.7}), plain(images, {});
  const std::vector<Visit> visits = visits_in_turn(4, 4);
  std::vector<double> one(4 * 105), two(4 * 105);
  std::vector<std::int64_t> labels(4);
  mixing.read(visits, one.data(), labels.data());
  plain.read(visits, two.data(), labels.data());
  EXPECT_EQ(one, two);
}

}  // namespace
}  // namespace quasar
