#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "core/errors.h"
#include "distributed/local_sgd/batch_norm.h"
#include "distributed/local_sgd/ema.h"
#include "distributed/local_sgd/gradient_clipping.h"
#include "distributed/local_sgd/norm_test.h"
#include "distributed/networks/flat_parameters.h"
#include "tests/distributed/images_for_tests.h"

namespace quasar {
namespace {

double squared_norm(const at::Tensor& vector) { return vector.square().sum().item<double>(); }

/// (1/(n-1)) sum_i |g_i - mean|^2, one number after the other.
double explicit_variance(const at::Tensor& rows) {
  double sum = 0;
  for (std::int64_t c = 0; c < rows.size(1); ++c) {
    double mean = 0;
    for (std::int64_t i = 0; i < rows.size(0); ++i)
      mean += rows[i][c].item<double>() / static_cast<double>(rows.size(0));
    for (std::int64_t i = 0; i < rows.size(0); ++i) sum += std::pow(rows[i][c].item<double>() - mean, 2);
  }
  return sum / static_cast<double>(rows.size(0) - 1);
}

TEST(NormTest, WorkedExample) {  // by hand
  const at::Tensor rows = at::tensor({1.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 1.0}, at::kDouble).view({4, 2});
  const double variance = variance_of_rows(rows), squared = squared_norm(rows.mean(0));
  EXPECT_NEAR(variance, 4.0 / 3, 1e-15);
  EXPECT_NEAR(squared, 2.0, 1e-15);
  EXPECT_EQ((NormTest{.tolerance = 0.5}.next_local_size(variance, squared, 4, 1)), 4);  // 2.667
  EXPECT_EQ((NormTest{.tolerance = 0.3}.next_local_size(variance, squared, 4, 1)), 8);  // 7.41
}

TEST(NormTest, EveryEstimatorEqualsTheVarianceOfTheSamplesItSees) {  // E15
  constexpr int kWorkers = 3, kLocal = 4;
  const at::Tensor samples = numbered_normals({kWorkers * kLocal, 5}, 1, at::kDouble) + 0.7;
  EXPECT_NEAR(variance_of_rows(samples), explicit_variance(samples), 1e-13);

  GradientSums single{.squared_norms = squared_norm(samples),
                      .squared_norm_of_mean = squared_norm(samples.mean(0)),
                      .count = kWorkers * kLocal};
  EXPECT_NEAR(variance_of_gradients(single), explicit_variance(samples), 1e-13);

  GradientSums workers{.squared_norm_of_mean = squared_norm(samples.mean(0)), .count = kWorkers, .samples = kLocal};
  double sum_of_variances = 0;
  std::vector<at::Tensor> means;
  for (int k = 0; k < kWorkers; ++k) {
    const at::Tensor own = samples.narrow(0, k * kLocal, kLocal);
    means.push_back(own.mean(0));
    workers.squared_norms += squared_norm(means.back());
    sum_of_variances += variance_of_rows(own);
  }
  EXPECT_NEAR(pooled_variance(workers, sum_of_variances), explicit_variance(samples), 1e-13);
  EXPECT_NEAR(variance_of_gradients(workers), kLocal * explicit_variance(at::stack(means)), 1e-13);
}

TEST(NormTest, WorkersAndMicroBatchesEstimateTheVarianceWithoutBias) {
  constexpr int kRepetitions = 4000, kWorkers = 4, kLocal = 3, kSize = 6;
  const at::Tensor samples = numbered_normals({kRepetitions, kWorkers, kLocal, kSize}, 2, at::kDouble) * 2 + 1;
  const at::Tensor means = samples.mean(2), mean = means.mean(1);
  double sum = 0, squares = 0;
  for (int r = 0; r < kRepetitions; ++r) {
    const double estimate = variance_of_gradients({.squared_norms = squared_norm(means[r]),
                                                   .squared_norm_of_mean = squared_norm(mean[r]),
                                                   .count = kWorkers,
                                                   .samples = kLocal});
    sum += estimate;
    squares += estimate * estimate;
  }
  const double average = sum / kRepetitions,
               error = std::sqrt((squares / kRepetitions - average * average) / kRepetitions);
  EXPECT_NEAR(average, 4.0 * kSize, 4 * error);
  EXPECT_LT(error, 0.3) << "the comparison could not fail";
}

TEST(NormTest, BatchesGrowNeverShrinkAndStopAtTheCap) {
  const NormTest test{.tolerance = 0.5, .max_local_size = 100};
  EXPECT_EQ(test.next_local_size(1.0, 1.0, 10, 2), 10);   // B' = 4 <= 20
  EXPECT_EQ(test.next_local_size(20.0, 4.0, 10, 2), 10);  // B' = 20: the test holds with equality
  EXPECT_EQ(test.next_local_size(20.1, 4.0, 10, 2), 11);  // B' = 21, shared by two
  EXPECT_EQ(test.next_local_size(1e6, 1.0, 10, 2), 100);
  EXPECT_EQ(test.next_local_size(1.0, 0.0, 10, 2), 100);  // noise without a gradient
  EXPECT_EQ(test.next_local_size(0.0, 0.0, 10, 2), 10);
  EXPECT_EQ(test.next_local_size(1e300, 1e-300, 10, 2), 100);
  EXPECT_THROW(test.next_local_size(std::nan(""), 1.0, 10, 2), NumericalError);
  EXPECT_THROW(test.next_local_size(1.0, std::numeric_limits<double>::infinity(), 10, 2), NumericalError);
}

TEST(GradientClipping, ScalesDownToTheBoundAndNeverUp) {
  at::Tensor gradient = at::tensor({3.0, 4.0}, at::kDouble);
  const Clipping clipped = clip_gradient(gradient, 1.0);
  EXPECT_TRUE(clipped.clipped);
  EXPECT_DOUBLE_EQ(clipped.norm, 5.0);
  EXPECT_NEAR(gradient[0].item<double>(), 3.0 / 5.000001, 1e-15);
  const Clipping below = clip_gradient(gradient, 2.0);
  EXPECT_FALSE(below.clipped);
  EXPECT_NEAR(gradient[1].item<double>(), 4.0 / 5.000001, 1e-15);
  EXPECT_FALSE(clip_gradient(gradient, std::numeric_limits<double>::infinity()).clipped);
}

TEST(Ema, IsTheWeightedSum) {
  at::Tensor values = at::tensor({1.0}, at::kDouble);
  Ema ema(0.9, values);
  ema.update(values.fill_(2.0));
  ema.update(values.fill_(-1.0));
  EXPECT_NEAR(ema.average().item<double>(), 0.9 * (0.9 * 1.0 + 0.1 * 2.0) - 0.1, 1e-15);
}

TEST(BatchNorm, PooledStatisticsAreThoseOfThePooledData) {  // E9
  constexpr int kWorkers = 3, kChannels = 4;
  const at::Tensor data = numbered_normals({kWorkers, 7, kChannels}, 3, at::kDouble) +
                          100 * numbered_normals({kWorkers, 1, kChannels}, 4, at::kDouble);
  std::vector<at::Tensor> means, own;
  for (int k = 0; k < kWorkers; ++k) {
    means.push_back(data[k].mean(0));
    own.push_back(at::cat({means[k], at::var(data[k], 0, /*unbiased=*/false)}));
  }
  const at::Tensor common_mean = at::stack(means).mean(0);
  at::Tensor sum = at::zeros({kChannels}, at::kDouble);
  for (int k = 0; k < kWorkers; ++k) sum += own[k].narrow(0, kChannels, kChannels) + (means[k] - common_mean).square();
  for (int k = 0; k < kWorkers; ++k) {
    int calls = 0;
    // What a collective would leave on worker k; that it is asked for the right thing is what the sum is checked for.
    pool_batch_norm(own[k], [&](at::Tensor& tensor) {
      EXPECT_LT(largest_difference(
                    tensor, calls == 0 ? means[k] : at::var(data[k], 0, false) + (means[k] - common_mean).square()),
                1e-9);
      tensor.copy_(calls++ == 0 ? common_mean : sum / kWorkers);
    });
    EXPECT_EQ(calls, 2);
    const at::Tensor all = data.view({-1, kChannels});
    EXPECT_LT(largest_difference(own[k].narrow(0, 0, kChannels), all.mean(0)), 1e-12);
    EXPECT_LT(largest_difference(own[k].narrow(0, kChannels, kChannels), at::var(all, 0, false)), 1e-8);
  }
}

TEST(BatchNorm, ReestimationIsTheExactAverageOfTheBatches) {
  const auto network =
      make_image_network({.name = "cnn", .width = 4, .norm = Normalization::batch, .rows = 8, .cols = 8}, 1);
  FlatParameters flat(*network, at::kDouble, false);
  flat.buffers.fill_(std::numeric_limits<double>::infinity());  // whatever was there must not matter
  const at::Tensor parameters = flat.values.clone();
  const at::Tensor images = numbered_normals({5, 6, 3, 8, 8}, 5, at::kDouble);
  reestimate_batch_norm(*network, flat.buffers, 5, [&](std::int64_t batch) { network->forward(images[batch]); });
  // The first norm sees the first convolution's outputs, which do not depend on any statistics.
  const at::Tensor first =
      at::conv2d(images.view({30, 3, 8, 8}), network->named_parameters()["conv1.weight"].detach(), {}, 1, 1);
  const at::Tensor per_batch = first.view({5, 6, 4, 64}).transpose(1, 2).reshape({5, 4, 6 * 64});
  EXPECT_LT(largest_difference(network->named_buffers()["bn1.running_mean"], per_batch.mean(2).mean(0)), 1e-13);
  EXPECT_LT(largest_difference(network->named_buffers()["bn1.running_var"], at::var(per_batch, 2, true).mean(0)),
            1e-13);
  EXPECT_FALSE(network->is_training());
  EXPECT_TRUE(flat.values.equal(parameters));
  EXPECT_TRUE(flat.hold(*network));
  network->train();
  const at::Tensor before = flat.buffers.clone();
  network->forward(images[0]);
  EXPECT_LT(largest_difference(flat.buffers, before), 0.5 * before.abs().max().item<double>()) << "momentum stayed 1";
}

}  // namespace
}  // namespace quasar
