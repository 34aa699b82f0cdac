// What record_ensemble() records beside means: covariances, quantiles, histograms, paths, the workers' dispersion.

#include <gtest/gtest.h>

#include <cmath>

#include "tests/toy_models/ensemble_for_tests.h"
#include "toy_models/circle.h"
#include "toy_models/hyperbola.h"
#include "toy_models/quadratic.h"
#include "toy_models/valley.h"

namespace quasar {
namespace {

EnsembleOptions options_with(std::int64_t replicas, int num_workers = 4) {
  EnsembleOptions options;
  options.num_workers = num_workers;
  options.replicas = replicas;
  options.seed = 11;
  return options;
}

/// Its last record.
template <class L>
EnsembleRecord last_record(const L& landscape, const Vec<L::dim>& start, const TrainingSchedule& schedule,
                           const EnsembleOptions& options, const EnsembleRecording<L::dim>& recording) {
  EnsembleRecord last;
  EnsembleCallbacks callbacks;
  callbacks.on_record = [&](const EnsembleRecord& record) { last = record; };
  record_ensemble(landscape, start, schedule, options, recording, callbacks);
  return last;
}

const Observable<2> kX = [](const auto& seen) { return seen.average[0]; };
const Observable<2> kY = [](const auto& seen) { return seen.average[1]; };
const Observable<2> kSum = [](const auto& seen) { return seen.average[0] + seen.average[1]; };

TEST(EnsembleRecording, CovariancesOfAQuadraticAreThoseOfBatchSgd) {
  // Cov(x, x + y) = Var x and Cov(x, y) = 0, with Var x = eta^2 s^2 (1 - g^(2n)) / (1 - g^2), g = 1 - eta l
  EnsembleRecording<2> recording;
  recording.observables = {kX, kY, kSum};
  constexpr double kReplicas = 40'000;
  const auto record = last_record(Quadratic<2>{{2.0, 0.5}, {1.0, 0.7}}, {1.0, -0.5}, constant_schedule(0.1, 50, 7),
                                  options_with(40'000), recording);
  const auto variance = [](double eigenvalue, double scale) {
    const double rho = std::pow(1 - 0.1 * eigenvalue, 2);
    return 0.01 * scale * scale * (1 - std::pow(rho, 50)) / (1 - rho);
  };
  const double vx = variance(2.0, 1.0), vy = variance(0.5, 0.7);
  EXPECT_NEAR(record.moments.covariance(0, 0), vx, 4 * vx * std::sqrt(2 / kReplicas));
  EXPECT_NEAR(record.moments.covariance(1, 1), vy, 4 * vy * std::sqrt(2 / kReplicas));
  EXPECT_NEAR(record.moments.covariance(0, 1), 0.0, 4 * std::sqrt(vx * vy / kReplicas));
  EXPECT_NEAR(record.moments.covariance(2, 0), vx, 4 * std::sqrt((2 * vx * vx + vx * vy) / kReplicas));
  EXPECT_GT(vy, 1.4 * vx) << "or a mix-up of the two could not be seen";
}

TEST(EnsembleRecording, QuantilesAndHistogramsAreThoseOfTheReplicas) {
  const auto schedule = constant_schedule(0.1, 50, 7);
  const Quadratic<2> bowl{{2.0, 0.5}, {1.0, 0.7}};
  auto options = options_with(1000);
  std::vector<double> values;
  for (const auto& x : final_averages(bowl, Vec<2>(1.0, -0.5), schedule, options)) values.push_back(x[1]);
  EnsembleRecording<2> recording;
  recording.observables = {kX, kY};
  recording.quantiles = true;
  recording.histograms = {{kY, -0.8, 0.4, 24}};
  options.threads = 3;
  const auto record = last_record(bowl, {1.0, -0.5}, schedule, options, recording);
  const std::vector<double> levels = {0.05, 0.5, 0.95};
  const auto exact = quantiles(values, levels), found = record.values[1].quantiles(levels);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(found[i], exact[i], std::abs(exact[i]) * 0x1.001p-13);
  HistogramCounts expected{std::vector<std::int64_t>(24)};
  for (const double value : values) {
    if (value < -0.8)
      ++expected.below;
    else if (value >= 0.4)
      ++expected.above;
    else
      ++expected.bins[static_cast<std::size_t>((value + 0.8) * 20)];
  }
  EXPECT_EQ(record.histograms[0].bins, expected.bins);
  EXPECT_EQ(record.histograms[0].below, expected.below);
  EXPECT_EQ(record.histograms[0].above, expected.above);
  EXPECT_GT(expected.below + expected.above, 10);
}

TEST(EnsembleRecording, PathsAreTheFirstReplicasAndEmptyWhereTheyLeft) {
  EnsembleRecording<1> recording;
  recording.paths = 100;
  auto options = options_with(200);
  options.max_bad_fraction = 1.0;
  const Quadratic<1> wild{{0.0}, {6e5}};  // one replica in ten leaves |x| <= 1e6 in its only step
  const auto schedule = constant_schedule(1.0, 1, 1);
  const auto record = last_record(wild, Vec<1>(0.0), schedule, options, recording);
  ASSERT_EQ(record.paths.size(), 100u);
  std::size_t empty = 0;
  for (std::size_t r = 0; r < 100; ++r) {
    const bool left =
        std::find(record.left.begin(), record.left.end(), static_cast<std::int64_t>(r)) != record.left.end();
    EXPECT_EQ(record.paths[r].empty(), left) << r;
    if (left) {
      ++empty;
    } else {
      EXPECT_LE(std::abs(record.paths[r].at(0)), 1e6);
    }
  }
  EXPECT_GT(empty, 0u);
  EXPECT_LE(record.left.size(), EnsembleRecord::kMostNamed);
  EXPECT_GE(record.left_domain, static_cast<std::int64_t>(record.left.size()));
}

TEST(WorkerDispersion, OnAQuadraticIsThatOfTheClosedForm) {
  // In closed form: E |x_w - mean|^2 = eta^2 (K - 1) sum_i s_i^2 (1 - rho_i^H) / (1 - rho_i), rho = (1 - eta l)^2
  const Quadratic<2> bowl{{2.0, 0.5}, {1.0, 0.7}};
  EnsembleRecording<2> recording;
  recording.worker_dispersion = true;
  recording.observables = {[](const auto& seen) { return seen.worker_dispersion; }};
  for (const auto precision : {Precision::float32, Precision::float64})
    for (const int workers : {3, 4, 8}) {
      auto options = options_with(20'000, workers);
      options.precision = precision;
      // the last round is a whole one: 49 = 7 * 7
      const auto record = last_record(bowl, {1.0, -0.5}, constant_schedule(0.1, 49, 7), options, recording);
      const auto term = [](double eigenvalue, double scale) {
        const double rho = std::pow(1 - 0.1 * eigenvalue, 2);
        return 0.01 * scale * scale * (1 - std::pow(rho, 7)) / (1 - rho);
      };
      const double expected = (workers - 1) * (term(2.0, 1.0) + term(0.5, 0.7));
      const Estimate measured = record.observables[0].estimate();
      EXPECT_NEAR(measured.mean, expected, 4 * measured.standard_error) << workers;
      EXPECT_GT(expected / (workers - 1), 8 * measured.standard_error) << "or K in place of K - 1 could not be seen";
    }
}

TEST(WorkerDispersion, IsNothingBeforeTheFirstRoundAndWithOneWorker) {
  EnsembleRecording<2> recording;
  recording.worker_dispersion = true;
  recording.observables = {[](const auto& seen) { return seen.worker_dispersion; }};
  recording.times = {0.0};
  std::vector<double> means;
  EnsembleCallbacks callbacks;
  callbacks.on_record = [&](const EnsembleRecord& record) { means.push_back(record.observables[0].mean()); };
  for (const int workers : {1, 4})
    record_ensemble(Circle{}, {1.1, 0.7}, constant_schedule(0.02, 20, 7), options_with(100, workers), recording,
                    callbacks);
  ASSERT_EQ(means.size(), 4u);
  EXPECT_EQ(means[0], 0.0);
  EXPECT_LT(means[1], 1e-16);  // rounding of a difference
  EXPECT_EQ(means[2], 0.0);
  EXPECT_GT(means[3], 1e-3);
}

TEST(WorkerDispersion, UsesTheDrawsOfTheKernel) {
  // K = 2 and no pull: the average moves by the mean of the two moves m1, m2 and the dispersion is (m1 - m2)^2 / 4.
  // With noise_dim 1 both moves are of one draw, whose other two normals are not used.
  const Quadratic<1> flat{{0.0}, {1.0}};
  const double learning_rate = 0.5;
  const std::int64_t period = 1;
  const WorkerNoise noise{17, 2};
  for (const std::int64_t step : {0, 5}) {
    ReplicaBlock<1, double, 64> block{};
    double dispersion[64];
    const RoundsView<double> rounds{step, &period, 1, &learning_rate};
    advance_block(best_instruction_set(), flat, rounds, noise, 128u, block, dispersion);
    for (std::uint32_t lane = 0; lane < 64; ++lane) {
      float z[4];
      normals({17, Use::toy_noise, 128u + lane, static_cast<std::uint64_t>(step), 0}, z);
      const double m1 = -0.5 * std::sqrt(2.0) * static_cast<double>(z[0]),
                   m2 = -0.5 * std::sqrt(2.0) * static_cast<double>(z[1]);
      ASSERT_NEAR(block.average[0][lane], (m1 + m2) / 2, 1e-12) << "the kernel draws otherwise";
      ASSERT_NEAR(dispersion[lane], (m1 - m2) * (m1 - m2) / 4, 1e-12);
    }
  }
}

TEST(WorkerDispersion, HasTheSameBitsWithEveryInstructionSet) {
  EnsembleRecording<2> recording;
  recording.worker_dispersion = true;
  recording.observables = {[](const auto& seen) { return seen.worker_dispersion; }};
  for (const auto precision : {Precision::float32, Precision::float64}) {
    auto options = options_with(200);
    options.precision = precision;
    options.instruction_set = InstructionSet::baseline;
    const auto baseline = last_record(Circle{}, {1.1, 0.7}, constant_schedule(0.02, 50, 7), options, recording);
    for (const auto wider : {InstructionSet::x86_64_v3, InstructionSet::x86_64_v4}) {
      if (wider > best_instruction_set()) continue;
      options.instruction_set = wider;
      const auto record = last_record(Circle{}, {1.1, 0.7}, constant_schedule(0.02, 50, 7), options, recording);
      EXPECT_EQ(record.moments.mean(), baseline.moments.mean());
      EXPECT_EQ(record.moments.products(), baseline.moments.products());
    }
  }
}

TEST(WorkerDispersion, RecordsDoNotChangeWhatIsSimulated) {
  EnsembleRecording<2> with, without;
  with.worker_dispersion = true;
  with.observables = without.observables = {kX, kY};
  with.times = without.times = {0.005, 0.01};
  const auto schedule = constant_schedule(0.02, 100, 7);
  const auto a = last_record(Circle{}, {1.1, 0.7}, schedule, options_with(300), with);
  const auto b = last_record(Circle{}, {1.1, 0.7}, schedule, options_with(300), without);
  EXPECT_EQ(a.moments.mean(), b.moments.mean());
  EXPECT_EQ(a.moments.products(), b.moments.products());
}

}  // namespace
}  // namespace quasar
