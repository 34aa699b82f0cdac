// The kernel of landscapes of a dimension known only when running: its formulas, its draws and its bits.

#include "toy_models/dynamic_kernel.h"

#include <gtest/gtest.h>

#include "core/errors.h"
#include "tests/toy_models/dynamic_for_tests.h"
#include "toy_models/ensemble_cuda.h"

namespace quasar {
namespace {

using Eigen::MatrixXd, Eigen::VectorXd;

template <DynamicLandscape L>
VectorXd noisy_gradient(const L& landscape, const VectorXd& x, const VectorXd& noise) {
  const auto steps = landscape.steps(InPlace{});
  VectorXd g(x.size()), scratch(steps.scratch_rows());
  steps.template noisy_gradient<1>(x.data(), noise.data(), g.data(), scratch.data());
  return g;
}

template <DynamicLandscape L>
void expect_gradient_and_covariance(const DynamicProblem<L>& problem) {
  const auto& landscape = problem.landscape;
  const VectorXd x = problem.start + 0.2 * VectorXd::NullaryExpr(problem.start.size(), [](Eigen::Index i) {
                                       return std::sin(0.3 + 2.3 * static_cast<double>(i));
                                     });
  const auto steps = landscape.steps(InPlace{});
  const VectorXd g = landscape.gradient(x);
  EXPECT_GT(g.norm(), 0.1);
  EXPECT_LT((gradient_of_steps(landscape, x) - g).norm(), 1e-13);
  MatrixXd covariance = MatrixXd::Zero(x.size(), x.size());
  for (Eigen::Index j = 0; j < steps.noise_dim(); ++j) {
    const VectorXd unit = steps.noise_amplitude() * VectorXd::Unit(steps.noise_dim(), j);
    const VectorXd column = noisy_gradient(landscape, x, unit) - g;
    covariance += column * column.transpose();
  }
  EXPECT_LT((covariance - landscape.covariance(x)).norm(), 1e-12);
}

TEST(DynamicLandscapes, HaveTheGradientAndNoiseOfTheirLoss) {
  expect_gradient_and_covariance(matrix_problem(5, 4, 3));
  expect_gradient_and_covariance(tanh_problem());
}

/// The noise of one worker at one step, by the names of its draws.
VectorXd named_noise(Eigen::Index count, bool signs, std::uint64_t seed, std::uint32_t replica, std::int64_t step,
                     std::uint32_t worker) {
  return VectorXd::NullaryExpr(count, [=](Eigen::Index i) {
    const auto index = static_cast<std::uint32_t>(i / 4), at = static_cast<std::uint32_t>(i % 4);
    const auto t = static_cast<std::uint64_t>(step);
    if (!signs) {
      float z[4];
      normals({seed, Use::toy_noise, replica, t, worker, index}, z);
      return static_cast<double>(z[at]);
    }
    return (words({seed, Use::toy_signs, replica, t / 32, worker, index}).w[at] >> (31 - t % 32) & 1u) ? -1.0 : 1.0;
  });
}

VectorXd plain_gradient(const MatrixFactorization& problem, const VectorXd& x, const VectorXd& noise) {
  const MatrixXd g =
      problem.residual(x) + problem.noise_scale * noise.reshaped(problem.target.rows(), problem.target.cols());
  return problem.joined(g * problem.right(x), g.transpose() * problem.left(x));
}
VectorXd plain_gradient(const TanhNetwork& network, const VectorXd& x, const VectorXd& noise) {
  const auto n = static_cast<double>(noise.size());
  return network.jacobian(x).transpose() * (network.residual(x) + network.noise_scale * std::sqrt(n) * noise) / n;
}

struct PlainEnd {
  VectorXd average;
  double dispersion;
};

/// Local SGD as a textbook would write it.
template <class L>
PlainEnd plain_local_sgd(const DynamicProblem<L>& problem, double eta, std::int64_t steps, std::int64_t period,
                         const EnsembleOptions& options, std::uint32_t replica) {
  const bool signs = std::holds_alternative<toy_noise::LabelNoise>(options.noise);
  const double k = options.num_workers;
  const Eigen::Index noise_dim = problem.landscape.steps(InPlace{}).noise_dim();
  PlainEnd end{problem.start, 0.0};
  for (std::int64_t first = 0; first < steps; first += period) {
    std::vector<VectorXd> workers(static_cast<std::size_t>(options.num_workers), end.average);
    for (std::uint32_t w = 0; w < workers.size(); ++w)
      for (std::int64_t t = first; t < std::min(first + period, steps); ++t) {
        const VectorXd noise = named_noise(noise_dim, signs, options.seed, replica, t, w);
        workers[w] -= eta * plain_gradient(problem.landscape, workers[w], std::sqrt(k) * noise);
      }
    end = {VectorXd::Zero(problem.start.size()), 0.0};
    for (const auto& worker : workers) end.average += worker / k;
    for (const auto& worker : workers) end.dispersion += (worker - end.average).squaredNorm() / k;
  }
  return end;
}

EnsembleOptions options_with(std::int64_t replicas, const ToyNoise& noise = toy_noise::Gaussian{}) {
  EnsembleOptions options;
  options.num_workers = 3;
  options.replicas = replicas;
  options.seed = 99;
  options.noise = noise;
  return options;
}

/// All of a replica in one number each, so that a wrong bit anywhere is seen.
template <class L>
EnsembleRecording<L::dim> everything(const DynamicProblem<L>& problem) {
  auto recording = unprojected_recording<L>();
  recording.times = {0.0, 0.004, 0.012};
  for (Eigen::Index i = 0; i < problem.start.size(); ++i)
    recording.observables.push_back([i](const auto& seen) { return seen.average[i]; });
  recording.observables.push_back([](const auto& seen) { return seen.worker_dispersion; });
  recording.worker_dispersion = recording.quantiles = true;
  recording.paths = 1000;
  return recording;
}

constexpr ToyNoise kLaws[] = {toy_noise::Gaussian{}, toy_noise::LabelNoise{}};

template <class L>
void expect_the_textbook(const DynamicProblem<L>& problem) {
  for (const ToyNoise& law : kLaws)
    for (const Precision precision : {Precision::float64, Precision::float32}) {
      auto options = options_with(70, law);
      options.precision = precision;
      options.threads = 1;
      std::vector<double> dispersions;
      auto recording = everything(problem);
      recording.observables.push_back([&](const auto& seen) {
        dispersions.push_back(seen.worker_dispersion);
        return 0.0;
      });
      recording.times = {};
      const auto end = records_of(problem, constant_schedule(0.02, 40, 37), options, recording).back();
      const double tolerance = precision == Precision::float64 ? 1e-12 : 2e-5;
      for (const std::uint32_t replica : {0u, 31u, 32u, 69u}) {
        const PlainEnd plain = plain_local_sgd(problem, 0.02, 40, 37, options, replica);
        const auto path = Eigen::Map<const VectorXd>(end.paths[replica].data(), problem.start.size());
        EXPECT_LT((path - plain.average).norm(), tolerance);
        EXPECT_NEAR(dispersions[replica], plain.dispersion, tolerance);
        EXPECT_GT((plain.average - problem.start).norm(), 0.01);
      }
    }
}

TEST(DynamicKernel, IsLocalSgdAsATextbookWritesIt) {
  expect_the_textbook(matrix_problem(5, 4, 2));
  expect_the_textbook(tanh_problem());
}

void expect_equal_bits(const std::vector<EnsembleRecord>& a, const std::vector<EnsembleRecord>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t r = 0; r < a.size(); ++r) {
    EXPECT_EQ(a[r].step, b[r].step);
    EXPECT_EQ(a[r].moments.mean(), b[r].moments.mean());
    EXPECT_EQ(a[r].moments.products(), b[r].moments.products());
    EXPECT_EQ(a[r].paths, b[r].paths);
    for (std::size_t o = 0; o < a[r].values.size(); ++o) EXPECT_EQ(a[r].values[o].bins(), b[r].values[o].bins());
  }
}

template <class Problem>
void expect_the_same_bits_however_it_runs(const Problem& problem) {
  const auto schedule = constant_schedule(0.02, 50, 7);
  for (const ToyNoise& law : kLaws)
    for (const Precision precision : {Precision::float64, Precision::float32}) {
      auto options = options_with(330, law);
      options.precision = precision;
      options.threads = 1;
      std::vector<EnsembleState> states;
      EnsembleCallbacks keeping;
      keeping.on_pause = [&](const auto& state) { states.push_back(state()); };
      const auto whole = records_of(problem, schedule, options, everything(problem), keeping);
      ASSERT_EQ(whole.size(), 4u);
      EXPECT_NE(whole.back().paths[0], whole.back().paths[1]);

      for (const auto set : {InstructionSet::baseline, InstructionSet::x86_64_v3, InstructionSet::x86_64_v4}) {
        if (set > best_instruction_set()) continue;
        auto other = options;
        other.instruction_set = set;
        other.threads = 3;
        expect_equal_bits(records_of(problem, schedule, other, everything(problem)), whole);
      }
      std::vector<std::vector<EnsembleRecord>> parts;
      for (int shard = 0; shard < 3; ++shard) {
        auto other = options;
        other.shard = shard;
        other.shards = 3;
        parts.push_back(records_of(problem, schedule, other, everything(problem)));
      }
      std::vector<EnsembleRecord> joined;
      for (std::size_t r = 0; r < whole.size(); ++r)
        joined.push_back(join_shards({parts[0][r], parts[1][r], parts[2][r]}));
      expect_equal_bits(joined, whole);
      for (const EnsembleState& state : states) {
        const auto rest = records_of(problem, schedule, options, everything(problem), {}, &state);
        ASSERT_LT(rest.size(), whole.size());
        expect_equal_bits(rest, {whole.end() - static_cast<std::ptrdiff_t>(rest.size()), whole.end()});
      }
      auto more = options;
      more.replicas = 500;
      const auto paths = records_of(problem, schedule, more, everything(problem)).back().paths;
      EXPECT_TRUE(std::equal(whole.back().paths.begin(), whole.back().paths.end(), paths.begin()));
    }
}

TEST(DynamicKernel, NeitherThreadsNorInstructionsNorShardsNorRestartsChangeABit) {
  expect_the_same_bits_however_it_runs(matrix_problem(5, 4, 2));
  expect_the_same_bits_however_it_runs(tanh_problem());
}

/// A CUDA block's threads one after the other: a lane each, in rows as wide as the block.
template <WorkerNoiseLaw Law, class Real, class L>
void expect_a_thread_a_replica_to_give_the_bits_of_many_lanes(const DynamicProblem<L>& problem) {
  auto options = options_with(70, kLaws[Law == WorkerNoiseLaw::signs]);
  options.precision = sizeof(Real) == 4 ? Precision::float32 : Precision::float64;
  const auto paths = records_of(problem, constant_schedule(0.02, 50, 7), options, everything(problem)).back().paths;
  const std::vector<std::int64_t> periods{7, 7, 7, 7, 7, 7, 7, 1};
  const std::vector<Real> learning_rates(50, static_cast<Real>(0.02));
  const RoundsView<Real> rounds{0, periods.data(), 8, learning_rates.data()};
  const auto steps = problem.landscape.steps(InPlace{});
  for (std::uint32_t first = 0; first < 70; first += kLanes) {
    DynamicWorkspace<Law, Real, kLanes> space(steps);
    for (std::uint32_t lane = 0; lane < kLanes && first + lane < 70; ++lane) {
      for (Eigen::Index i = 0; i < problem.start.size(); ++i)
        space.average[static_cast<std::size_t>(i)][static_cast<int>(lane)] = static_cast<Real>(problem.start[i]);
      std::uint32_t left = 0;
      advance_dynamic_rounds<1, Law, kLanes>(steps, rounds, {99, 3, Law}, SingleDraws{}, first + lane,
                                             space.rows(static_cast<int>(lane)), &left);
      EXPECT_EQ(left, 0u);
    }
    for (std::uint32_t lane = 0; lane < kLanes && first + lane < 70; ++lane)
      for (std::size_t i = 0; i < space.average.size(); ++i)
        ASSERT_EQ(static_cast<double>(space.average[i][static_cast<int>(lane)]), paths[first + lane][i]) << lane;
  }
}

TEST(DynamicKernel, AThreadAReplicaGivesTheBitsOfManyLanes) {
  expect_a_thread_a_replica_to_give_the_bits_of_many_lanes<WorkerNoiseLaw::gaussian, float>(matrix_problem(5, 4, 2));
  expect_a_thread_a_replica_to_give_the_bits_of_many_lanes<WorkerNoiseLaw::signs, double>(matrix_problem(5, 4, 2));
  expect_a_thread_a_replica_to_give_the_bits_of_many_lanes<WorkerNoiseLaw::gaussian, double>(tanh_problem());
  expect_a_thread_a_replica_to_give_the_bits_of_many_lanes<WorkerNoiseLaw::signs, float>(tanh_problem());
}

TEST(DynamicKernel, TheDevicesPathsAreTheCpus) {
  if (!cuda_device_available()) GTEST_SKIP() << "no CUDA device";
  const auto expect_equal_paths = [](const auto& problem) {
    for (const ToyNoise& law : kLaws)
      for (const Precision precision : {Precision::float64, Precision::float32}) {
        auto options = options_with(330, law);
        options.precision = precision;
        const auto here = records_of(problem, constant_schedule(0.02, 50, 7), options, everything(problem));
        options.device = Device::cuda;
        expect_equal_bits(records_of(problem, constant_schedule(0.02, 50, 7), options, everything(problem)), here);
      }
  };
  expect_equal_paths(matrix_problem(5, 4, 2));
  expect_equal_paths(tanh_problem());
}

TEST(DynamicKernel, ReplicasThatLeaveTheDomainAreSeen) {
  const auto problem = matrix_problem(5, 4, 2);
  auto options = options_with(100);
  EXPECT_THROW(
      records_of(problem, constant_schedule(3.0, 40, 4), options, unprojected_recording<MatrixFactorization>()),
      Diverged);
  options.max_bad_fraction = 1.0;  // but there is nothing to average where none is left
  try {
    records_of(problem, constant_schedule(3.0, 40, 4), options, everything(problem));
    FAIL() << "not seen";
  } catch (const Diverged& error) {
    EXPECT_NE(std::string(error.what()).find("100 of 100 replicas"), std::string::npos);
  }
}

TEST(DynamicKernel, WhatItDoesNotHaveIsRefusedWithWhatThereIs) {
  const auto refusal = [](const EnsembleOptions& options) -> std::string {
    try {
      records_of(tanh_problem(), constant_schedule(0.1, 1, 1), options, unprojected_recording<TanhNetwork>());
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "taken";
  };
  EXPECT_EQ(refusal(options_with(1)), "taken");
  std::vector<EnsembleOptions> others(3, options_with(1));
  others[0].noise = toy_noise::StudentT{5};
  others[1].noise = toy_noise::MiniBatch{1, true};
  others[2].optimizer.kind = toy_optimizers::Adam{};
  for (const auto& options : others)
    EXPECT_NE(refusal(options).find("gaussian noise or label_noise and sgd"), std::string::npos);
  EXPECT_THROW(records_of(tanh_problem(), constant_schedule(0.1, 1, 1), options_with(1), {}), ConfigError);
}

}  // namespace
}  // namespace quasar
