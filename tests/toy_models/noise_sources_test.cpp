#include "toy_models/noise_sources.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <numbers>
#include <set>

#include "core/estimate.h"
#include "tests/toy_models/ensemble_for_tests.h"
#include "toy_models/diagonal_network.h"
#include "toy_models/least_squares.h"
#include "toy_models/quadratic.h"

namespace quasar {
namespace {

EnsembleOptions options_with(std::int64_t replicas, int num_workers, const ToyNoise& noise) {
  EnsembleOptions options;
  options.num_workers = num_workers;
  options.replicas = replicas;
  options.seed = 11;
  options.noise = noise;
  return options;
}

void expect_law_and_not(const RunningMoments& moments, double theory, double wrong, const std::string& what) {
  const Estimate measured = moments.estimate();
  EXPECT_NEAR(measured.mean, theory, 4 * measured.standard_error) << what;
  EXPECT_GT(std::abs(measured.mean - wrong), 4 * measured.standard_error) << what << ": the test cannot tell";
}

/// One step of size 1 from 0 without pull leaves the mean of the workers' noises, negated.
std::vector<RunningMoments> moments_of_noise(int num_workers, int degrees_of_freedom, std::int64_t replicas,
                                             const std::vector<Observable<2>>& observables) {
  return run_ensemble(Quadratic<2>{{0.0, 0.0}, {1.0, 1.0}}, {0.0, 0.0}, constant_schedule(1.0, 1, 1),
                      options_with(replicas, num_workers, toy_noise::StudentT{degrees_of_freedom}), observables, {})
      .back()
      .observables;
}

TEST(StudentNoise, HasTheLandscapesCovarianceAndTheMomentsOfAMultivariateT) {
  constexpr int kNu = 12;
  constexpr double kFactor = (kNu - 2.0) / (kNu - 4.0);  // of all fourth moments over the normal ones
  const auto moments =
      moments_of_noise(1, kNu, 200'000,
                       {[](const auto& seen) { return seen.average[0] * seen.average[0]; },
                        [](const auto& seen) { return seen.average[0] * seen.average[1]; },
                        [](const auto& seen) { return std::pow(seen.average[0], 4); },
                        [](const auto& seen) { return std::pow(seen.average[0] * seen.average[1], 2); }});
  expect_law_and_not(moments[0], 1.0, kNu / (kNu - 2.0), "variance, not rescaled");
  expect_law_and_not(moments[1], 0.0, 0.05, "correlation");
  expect_law_and_not(moments[2], 3 * kFactor, 3.0, "fourth moment, normal");
  expect_law_and_not(moments[3], kFactor, 1.0, "mixed moment, independent coordinates");
}

TEST(StudentNoise, ThreeDegreesOfFreedomHaveTheirTails) {
  // x = t_3/sqrt 3 has P(|x| > a) = 1 - (2/pi)(a/(1 + a^2) + atan a).
  for (const double a : {1.0, 4.0, 10.0}) {
    const auto tail = [](double at) { return 1 - 2 / std::numbers::pi * (at / (1 + at * at) + std::atan(at)); };
    const auto beyond = [a](const auto& seen) { return std::abs(seen.average[1]) > a ? 1.0 : 0.0; };
    expect_law_and_not(moments_of_noise(1, 3, 200'000, {beyond})[0], tail(a), std::erfc(a / std::sqrt(2.0)), "tail");
  }
}

TEST(StudentNoise, OfWorkersIsIndependent) {
  // The mean of K: unit variance (a worker's is K), excess kurtosis 6/(nu - 4)/K.
  constexpr int kWorkers = 4;
  const auto moments = moments_of_noise(kWorkers, 12, 300'000,
                                        {[](const auto& seen) { return seen.average[0] * seen.average[0]; },
                                         [](const auto& seen) { return std::pow(seen.average[0], 4); }});
  expect_law_and_not(moments[0], 1.0, 1.0 - 1.0 / kWorkers, "variance");
  expect_law_and_not(moments[1], 3 + 0.75 / kWorkers, 3 + 0.75, "fourth moment, one factor for all workers");
}

const LeastSquares<2, 4> kRegression{{{1.0, 0.2}, {-0.4, 1.1}, {0.7, -0.9}, {0.3, 0.6}}, {1.0, -0.5, 0.3, 0.8}, 0.6};

template <class L>
void expect_mean_of_samples(const L& landscape, const Vec<L::dim>& x) {
  Vec<L::dim> mean = Vec<L::dim>::Zero();
  for (int i = 0; i < L::num_samples; ++i) {
    Vec<L::dim> g;
    landscape.sample_gradient(x.data(), i, g.data());
    mean += g / L::num_samples;
  }
  EXPECT_LT((mean - landscape.gradient(x)).norm(), 1e-14 * (1 + mean.norm()));
}

TEST(FiniteSums, GradientIsTheMeanOfTheSamples) {
  expect_mean_of_samples(kRegression, {0.3, -1.2});
  const DiagonalNetwork<8, 3> network{{{1, 1}, {-1, 1}, {0.5, 1, 2}}, {1.0, -0.8, 0.6}, 0.5};
  expect_mean_of_samples(network, Vec<16>::LinSpaced(0.2, 1.7));
}

TEST(LeastSquaresLandscape, ProjectionAndSampleCovarianceAreWhatTheySay) {
  const Vec<2> x(0.3, -1.2), solution = kRegression.project(x);
  EXPECT_LT(kRegression.gradient(solution).norm(), 1e-14);
  EXPECT_GT(kRegression.value(solution), 0.01) << "no noise at the minimum: the tests below would be empty";
  Mat<2> covariance = Mat<2>::Zero();
  for (int i = 0; i < 4; ++i) {
    Vec<2> g;
    kRegression.sample_gradient(x.data(), i, g.data());
    g -= kRegression.gradient(x);
    covariance += g * g.transpose() / 4;
  }
  EXPECT_LT((covariance - kRegression.sample_covariance(x)).norm(), 1e-14);
}

using Moments = Eigen::Matrix3d;  // of (x, 1)

/// x <- x - eta (gradient of a sample), on (x, 1).
Moments sample_map(int sample, double eta) {
  const Eigen::Vector2d z(kRegression.inputs[sample][0], kRegression.inputs[sample][1]);
  Moments map = Moments::Identity();
  map.topLeftCorner<2, 2>() -= eta * z * z.transpose();
  map.topRightCorner<2, 1>() = eta * kRegression.labels[sample] * z;
  return map;
}

/// E of (x, 1)(x, 1)^T of the average after rounds of one epoch each, batches of one sample, all choices enumerated.
Moments exact_moments(const Vec<2>& start, double eta, int num_workers, int rounds, bool replacement) {
  std::vector<Moments> epochs;  // maps of a round, all equally likely
  if (replacement)
    for (int code = 0; code < 256; ++code) {
      Moments map = Moments::Identity();
      for (int i = 0; i < 4; ++i) map = Moments(sample_map(code >> 2 * i & 3, eta) * map);
      epochs.push_back(map);
    }
  std::array<int, 4> order{0, 1, 2, 3};
  if (!replacement) do {
      Moments map = Moments::Identity();
      for (const int sample : order) map = Moments(sample_map(sample, eta) * map);
      epochs.push_back(map);
    } while (std::next_permutation(order.begin(), order.end()));
  Moments mean_map = Moments::Zero();
  for (const auto& map : epochs) mean_map += map / static_cast<double>(epochs.size());
  const Eigen::Vector3d from(start[0], start[1], 1.0);
  Moments moments = from * from.transpose();
  for (int round = 0; round < rounds; ++round) {
    Moments own = Moments::Zero();
    for (const auto& map : epochs) own += map * moments * map.transpose() / static_cast<double>(epochs.size());
    const Moments cross = mean_map * moments * mean_map.transpose();
    moments = own / num_workers + (1 - 1.0 / num_workers) * cross;
  }
  return moments;
}

TEST(MiniBatchNoise, MomentsOfTheAverageAreThoseOfAllChoicesOfSamples) {
  constexpr int kWorkers = 3, kRounds = 6;
  constexpr double kEta = 0.3;
  const Vec<2> start(0.2, 0.4);
  for (const bool replacement : {true, false}) {
    const Moments theory = exact_moments(start, kEta, kWorkers, kRounds, replacement);
    const Moments other = exact_moments(start, kEta, kWorkers, kRounds, !replacement);
    const auto measured = run_ensemble(kRegression, start, constant_schedule(kEta, 4 * kRounds, 4),
                                       options_with(200'000, kWorkers, toy_noise::MiniBatch{1, replacement}),
                                       {[&](const auto& seen) { return seen.average[0] * seen.average[0]; },
                                        [&](const auto& seen) { return std::pow(seen.average[1] - theory(1, 2), 2); },
                                        [](const auto& seen) { return seen.average[0]; }},
                                       {})
                              .back()
                              .observables;
    const auto spread = [](const Moments& m, double about) { return m(1, 1) - 2 * about * m(1, 2) + about * about; };
    const std::string what = replacement ? "with replacement" : "without replacement";
    expect_law_and_not(measured[0], theory(0, 0), other(0, 0), what + ", E x^2");
    expect_law_and_not(measured[1], spread(theory, theory(1, 2)), spread(other, theory(1, 2)), what + ", Var y");
    EXPECT_NEAR(measured[2].mean(), theory(0, 2), 4 * measured[2].estimate().standard_error) << what;
  }
}

TEST(MiniBatchNoise, OfAnEpochWithoutReplacementSumsToZero) {
  // At a small step x hardly moves: with replacement the epoch's N gradients of one sample have the variance N C.
  constexpr double kEta = 1e-4;
  const Vec<2> start(0.2, 0.4);
  const double expected = 4 * kEta * kEta * kRegression.sample_covariance(start)(0, 0);
  const double mean = start[0] - 4 * kEta * kRegression.gradient(start)[0];
  const auto variance = [&](int batch, bool replacement) {
    return run_ensemble(kRegression, start, constant_schedule(kEta, 4 / batch, 1),
                        options_with(5000, 1, toy_noise::MiniBatch{batch, replacement}),
                        {[&](const auto& seen) { return std::pow(seen.average[0] - mean, 2); }}, {})
        .back()
        .observables[0];
  };
  expect_law_and_not(variance(1, true), expected, 0.0, "with replacement");
  EXPECT_LT(variance(1, false).mean(), 1e-6 * expected) << "without replacement";
  // A step of two of the four has the variance (C/2)(N - b)/(N - 1) without replacement; two steps of half the epoch.
  const auto half = [&](bool replacement) {
    const double one_step = start[0] - kEta * kRegression.gradient(start)[0];
    return run_ensemble(kRegression, start, constant_schedule(kEta, 1, 1),
                        options_with(20'000, 1, toy_noise::MiniBatch{2, replacement}),
                        {[&](const auto& seen) { return std::pow(seen.average[0] - one_step, 2); }}, {})
        .back()
        .observables[0];
  };
  expect_law_and_not(half(true), expected / 8, expected / 12, "batch of two with replacement");
  expect_law_and_not(half(false), expected / 12, expected / 8, "batch of two without replacement");
}

TEST(WorkerOrders, VisitEverySampleOnceAnEpochInOrdersThatAreEquallyLikely) {
  std::map<std::array<int, 4>, int> counts;
  std::set<std::array<int, 4>> of_one_worker;
  constexpr int kOrders = 24'000;
  for (std::uint32_t i = 0; i < kOrders; ++i) {
    WorkerOrder<4> worker({5, i % 40, i / 40 % 30});
    const std::int64_t epoch = i / 1200;
    std::array<int, 4> order{};
    for (std::size_t j = 0; j < 4; ++j) order[j] = worker.sample(4 * epoch + static_cast<std::int64_t>(j));
    EXPECT_EQ(worker.sample(4 * epoch + 1), order[1]);
    ++counts[order];
    if (i % 1200 == 0) of_one_worker.insert(order);
  }
  EXPECT_GT(of_one_worker.size(), 5u) << "epochs repeat their order";
  double chi_square = 0;
  for (const auto& [order, count] : counts) {
    EXPECT_EQ(std::set<int>(order.begin(), order.end()).size(), 4u);
    chi_square += std::pow(count - kOrders / 24.0, 2) / (kOrders / 24.0);
  }
  EXPECT_EQ(counts.size(), 24u);
  EXPECT_LT(chi_square, 49.7);  // 0.1 % of 23 degrees of freedom
}

}  // namespace
}  // namespace quasar
