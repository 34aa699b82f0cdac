#include "toy_models/generic_kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/drift_factors.h"
#include "core/errors.h"
#include "core/estimate.h"
#include "tests/toy_models/ensemble_for_tests.h"
#include "toy_models/adam_periodic_valley.h"
#include "toy_models/circle.h"
#include "toy_models/diagonal_network.h"
#include "toy_models/quadratic.h"
#include "toy_models/sphere.h"
#include "toy_models/valley.h"

namespace quasar {
namespace {

using toy_optimizers::Adam;
using toy_optimizers::AtAverage;
using toy_optimizers::Sgd;

EnsembleOptions options_with(std::int64_t replicas, const ToyOptimizer& optimizer, int num_workers = 3) {
  EnsembleOptions options;
  options.num_workers = num_workers;
  options.replicas = replicas;
  options.seed = 7;
  options.optimizer = optimizer;
  return options;
}

template <WorkerNoiseLaw Law, class L>
void expect_bits_of_the_fast_kernel(const L& landscape, const Vec<L::dim>& start, int num_workers) {
  GenericMethod method;
  if (Law == WorkerNoiseLaw::signs) method.noise = toy_noise::LabelNoise{};
  const std::vector<std::int64_t> periods{7, 1, 1, 12};
  std::vector<double> learning_rates;
  for (int i = 0; i < 21; ++i) learning_rates.push_back(0.02 / (1 + i));
  const RoundsView<double> rounds{5, periods.data(), 4, learning_rates.data()};
  const WorkerNoise noise{99, num_workers, Law};
  for (std::uint32_t replica = 0; replica < 20; ++replica) {
    ReplicaBlock<L::dim, double, 1> fast{};
    for (int i = 0; i < L::dim; ++i) fast.average[i][0] = start[i];
    double fast_dispersion = 0.0, generic_dispersion = 0.0;
    advance_rounds<1, 1, Law>(landscape, rounds, noise, SingleDraws{}, replica, fast, &fast_dispersion);
    Vec<L::dim> generic = start;
    EXPECT_TRUE(
        advance_generic(landscape, rounds, noise, method, replica, generic.data(), nullptr, &generic_dispersion));
    EXPECT_NEAR(generic_dispersion, fast_dispersion, 1e-12);
    for (int i = 0; i < L::dim; ++i) ASSERT_EQ(generic[i], fast.average[i][0]) << "replica " << replica;
  }
}

template <WorkerNoiseLaw Law>
void expect_bits_of_the_fast_kernel_everywhere() {
  for (const int num_workers : {1, 3, 4, 6}) {
    expect_bits_of_the_fast_kernel<Law>(Valley{}, {1.1, 0.7}, num_workers);
    expect_bits_of_the_fast_kernel<Law>(Circle{}, {1.1, 0.7}, num_workers);
    expect_bits_of_the_fast_kernel<Law>(Sphere<3>{}, {1.1, 0.7, 0.1}, num_workers);
    const DiagonalNetwork<8, 3> network{{{1, 1}, {-1, 1}, {0.5, 1, 2}}, {1.0, -0.8, 0.6}, 0.5};
    expect_bits_of_the_fast_kernel<Law>(network, Vec<16>::Constant(0.6), num_workers);
  }
}

TEST(GenericKernel, HasTheBitsOfTheFastKernelForItsNoiseAndSgd) {
  expect_bits_of_the_fast_kernel_everywhere<WorkerNoiseLaw::gaussian>();
  expect_bits_of_the_fast_kernel_everywhere<WorkerNoiseLaw::signs>();
}

/// The optimisers a second time, as the sources write them.
struct PlainOptimizer {
  ToyOptimizer options;
  Vec<2> a = Vec<2>::Zero(), b = Vec<2>::Zero();  ///< u; or m and v

  void step(double eta, int t, const Vec<2>& g, Vec<2>& x) {
    if (const auto* sgd = std::get_if<Sgd>(&options.kind)) {
      a = sgd->momentum * a + g;
      x -= eta * (sgd->nesterov ? Vec<2>(g + sgd->momentum * a) : a);
      return;
    }
    const auto& adam = std::get<Adam>(options.kind);
    a = adam.beta1 * a + (1 - adam.beta1) * g;
    b = adam.beta2 * b + (1 - adam.beta2) * g.cwiseAbs2();
    const Vec<2> mean = a / (1 - std::pow(adam.beta1, t)), square = b / (1 - std::pow(adam.beta2, t));
    x.array() -= eta * mean.array() / (square.array().sqrt() + adam.epsilon);
  }
};

/// Local SGD with that optimiser, as a textbook would write it.
Vec<2> plain_local_training(const Circle& circle, Vec<2> x, const TrainingSchedule& schedule,
                            const EnsembleOptions& options, std::uint32_t replica) {
  const auto K = static_cast<std::size_t>(options.num_workers);
  std::vector<PlainOptimizer> optimizers(K, PlainOptimizer{options.optimizer});
  std::vector<Vec<2>> workers(K, x);
  std::int64_t end_of_round = schedule.period_at(0);
  for (std::int64_t t = 0; t < schedule.total_steps; ++t) {
    const double eta = schedule.learning_rate.at(t);
    std::vector<Vec<2>> gradients(K);
    Vec<2> mean_gradient = Vec<2>::Zero();
    for (std::uint32_t k = 0; k < K; ++k) {
      float z[4];
      normals({options.seed, Use::toy_noise, replica, static_cast<std::uint64_t>(t), k / 2}, z);
      const double size = std::sqrt(static_cast<double>(K));
      const double noise[2] = {size * z[2 * (k % 2)], size * z[2 * (k % 2) + 1]};
      circle.noisy_gradient(workers[k].data(), noise, gradients[k].data());
      mean_gradient += gradients[k] / static_cast<double>(K);
    }
    for (std::size_t k = 0; k < K; ++k)
      optimizers[k].step(eta, static_cast<int>(t + 1),
                         schedule.sync.averages_gradients(t) ? mean_gradient : gradients[k], workers[k]);
    if (t + 1 < end_of_round) continue;
    end_of_round = t + 1 + (t + 1 < schedule.total_steps ? schedule.period_at(t + 1) : 0);
    if (schedule.sync.averages_gradients(t)) continue;
    Vec<2> mean = Vec<2>::Zero(), mean_a = mean, mean_b = mean;
    for (std::size_t k = 0; k < K; ++k) {
      mean += workers[k] / static_cast<double>(K);
      mean_a += optimizers[k].a / static_cast<double>(K);
      mean_b += optimizers[k].b / static_cast<double>(K);
    }
    for (std::size_t k = 0; k < K; ++k) {
      workers[k] = mean;
      const auto* at = options.optimizer.at_average;
      if (at[0] != AtAverage::keep) optimizers[k].a = at[0] == AtAverage::average ? mean_a : Vec<2>::Zero();
      if (at[1] != AtAverage::keep) optimizers[k].b = at[1] == AtAverage::average ? mean_b : Vec<2>::Zero();
    }
  }
  return workers[0];
}

TEST(ToyOptimizers, WithALinearGradientTheAverageIsThatOfOneBatchUnlessBuffersAreReset) {
  const Quadratic<2> bowl{{2.0, 0.3}, {1.0, 0.5}};
  const Vec<2> start(1.1, 0.7);
  auto uneven = constant_schedule(0.05, 60, 1);
  uneven.sync.rule = sync_rules::Phases{{{0, 3}, {6, 17}, {40, 9}}};
  const auto largest_difference = [&](const Sgd& sgd, AtAverage action) {
    const EnsembleOptions options = options_with(20, {sgd, {action}}, 4);
    const auto every_step = final_averages(bowl, start, constant_schedule(0.05, 60, 1), options_with(20, {sgd, {}}, 4));
    const auto rarely = final_averages(bowl, start, uneven, options);
    double largest = 0.0;
    for (std::size_t r = 0; r < rarely.size(); ++r) largest = std::max(largest, (every_step[r] - rarely[r]).norm());
    return largest;
  };
  for (const Sgd& sgd : {Sgd{0.0, false}, Sgd{0.8, false}, Sgd{0.8, true}}) {
    EXPECT_LT(largest_difference(sgd, AtAverage::keep), 1e-13);
    EXPECT_LT(largest_difference(sgd, AtAverage::average), 1e-13);
  }
  EXPECT_GT(largest_difference(Sgd{0.8, false}, AtAverage::reset), 0.01);
  EXPECT_GT(largest_difference(Sgd{0.8, true}, AtAverage::reset), 0.01);
}

TEST(ToyOptimizers, FollowATextbookImplementationStepByStep) {
  const Vec<2> start(1.1, 0.7);
  const auto circle = Circle{};
  std::vector<Vec<2>> ends;
  for (const ToyOptimizer& optimizer :
       std::vector<ToyOptimizer>{{Sgd{0.8, false}, {}},
                                 {Sgd{0.8, true}, {}},
                                 {Sgd{0.8, false}, {AtAverage::average}},
                                 {Sgd{0.8, true}, {AtAverage::reset}},
                                 {Adam{0.7, 0.95, 1e-3}, {}},
                                 {Adam{0.7, 0.95, 1e-3}, {AtAverage::average, AtAverage::average}},
                                 {Adam{0.7, 0.95, 1e-3}, {AtAverage::keep, AtAverage::average}},
                                 {Adam{0.0, 0.95, 1e-3}, {AtAverage::reset, AtAverage::keep}}})
    for (const std::int64_t switch_step : {0, 10, 60}) {
      auto schedule = constant_schedule(0.02, 60, 7);
      schedule.learning_rate.decay = lr_decay::Cosine{};
      schedule.sync.switch_step = switch_step;
      const auto options = options_with(70, optimizer);
      const auto measured = final_averages(circle, start, schedule, options);
      for (const std::uint32_t replica : {0u, 1u, 69u}) {
        const Vec<2> plain = plain_local_training(circle, start, schedule, options, replica);
        EXPECT_LT((measured[replica] - plain).norm(), 1e-12) << optimizer.kind.index() << " switch " << switch_step;
      }
      ends.push_back(measured[0]);
    }
  for (std::size_t i = 0; i < ends.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      // Data-parallel runs have one state, whatever an average would do to it.
      if (i % 3 == 2 && j % 3 == 2) continue;
      EXPECT_GT((ends[i] - ends[j]).norm(), 1e-7) << i << " " << j;
    }
}

TEST(ToyOptimizers, ThreadsAndBatchesOfRoundsDoNotChangeABit) {
  const Observable<2> observable = [](const auto& seen) { return seen.average[0] + seen.average[1]; };
  const auto run = [&](int threads, const std::vector<double>& times) {
    auto options = options_with(200, {Adam{}, {}});
    options.threads = threads;
    return run_ensemble(Circle{}, {1.1, 0.7}, constant_schedule(0.02, 100, 7), options, {observable}, times).back();
  };
  const auto once = run(1, {}), often = run(3, {0.0, 0.003, 0.01, 0.02});
  EXPECT_EQ(once.observables[0].mean(), often.observables[0].mean());
  EXPECT_EQ(once.observables[0].variance(), often.observables[0].variance());
}

/// Stationary E x^2 of the average on l x^2/2: the second moments of (x, u) followed until they settle.
double followed_variance(double eta, double l, double s, const Sgd& sgd) {
  const double b = sgd.momentum;
  Eigen::Matrix2d step;  // x' = x - eta u', or x - eta (g + b u');  u' = b u + l x + e
  Eigen::Vector2d kick;
  if (sgd.nesterov) {
    step << 1 - eta * (l + b * l), -eta * b * b, l, b;
    kick << -eta * (1 + b), 1;
  } else {
    step << 1 - eta * l, -eta * b, l, b;
    kick << -eta, 1;
  }
  Eigen::Matrix2d moments = Eigen::Matrix2d::Zero();
  for (int i = 0; i < 10'000; ++i)
    moments = Eigen::Matrix2d(step * moments * step.transpose() + s * kick * kick.transpose());
  return moments(0, 0);
}

TEST(ToyOptimizers, MomentumHasItsStationaryVarianceAndNotThatOfTheEffectiveRate) {
  constexpr double kEta = 0.5, kMomentum = 0.5, kScale = 0.8;
  const Quadratic<1> bowl{{1.0}, {kScale}};
  const Observable<1> square = [](const auto& seen) { return seen.average[0] * seen.average[0]; };
  const double s = kScale * kScale, effective = kEta / (1 - kMomentum);
  const double heavy_ball = kEta * s * (1 + kMomentum) / ((1 - kMomentum) * (2 * (1 + kMomentum) - kEta));
  EXPECT_NEAR(followed_variance(kEta, 1.0, s, {kMomentum, false}), heavy_ball, 1e-12);
  const double nesterov = followed_variance(kEta, 1.0, s, {kMomentum, true});
  const double effective_rate = effective * s / (2 - effective);
  struct Case {
    ToyOptimizer optimizer;
    double theory, wrong;
  };
  // The average of workers is linear in the noise: neither H nor averaging velocities changes its law.
  for (const auto& [optimizer, theory, wrong] :
       std::vector<Case>{{{Sgd{kMomentum, false}, {}}, heavy_ball, effective_rate},
                         {{Sgd{kMomentum, false}, {AtAverage::average}}, heavy_ball, effective_rate},
                         {{Sgd{kMomentum, true}, {}}, nesterov, heavy_ball}})
    for (const std::int64_t period : {1, 8}) {
      const auto records = run_ensemble(bowl, Vec<1>(0.0), constant_schedule(kEta, 40, period),
                                        options_with(12'000, optimizer, 4), {square}, {});
      const Estimate measured = records[0].observables[0].estimate();
      EXPECT_NEAR(measured.mean, theory, 4 * measured.standard_error) << "H " << period;
      EXPECT_GT(std::abs(measured.mean - wrong), 4 * measured.standard_error) << "the test cannot tell";
    }
}

// T13a: the heavy ball on T1 (y0 = 0.5, s2 = 1, K = 4): y at slow time 1, whose unit is that of the effective rate.
TEST(HeavyBallEnsemble, DescendsTheValleyAtTheEffectiveRateAndWithItsOwnPsi) {
  constexpr double kMomentum = 0.9, kRate = 0.001, kEffective = kRate / (1 - kMomentum);
  const Observable<2> height = [](const auto& seen) { return seen.projected[1]; };
  const auto descended = [](const auto& multiplier) {
    double y = 0.5;
    for (int i = 0; i < 1000; ++i) y -= 0.25 * multiplier(std::exp(y)) / 1000;
    return y;
  };
  const double own = descended([&](double l) { return 1 + 3 * momentum_moments(kRate, kMomentum, l, l, 100).psi; });
  const double naive = descended([&](double l) { return 1 + 3 * psi(2 * 100 * kEffective * l); });
  struct Case {
    std::int64_t period;
    double theory, wrong;
  };
  for (const auto& [period, theory, wrong] : {Case{1, 0.25, 0.5 - 0.25 / 100}, Case{100, own, naive}}) {
    const auto records = run_ensemble(Valley{1.0}, {0.0, 0.5}, constant_schedule(kRate, 10'000, period),
                                      options_with(300, {Sgd{kMomentum}, {}}, 4), {height}, {});
    EXPECT_NEAR(records[0].slow_time, 1.0, 1e-9);
    const Estimate measured = records[0].observables[0].estimate();
    const double allowed = 4 * measured.standard_error + kEffective / 2;  // of order eta, as for SGD
    std::printf("H %d: y %.4f +- %.4f, theory %.4f, wrong theory %.4f\n", static_cast<int>(period), measured.mean,
                measured.standard_error, theory, wrong);
    EXPECT_NEAR(measured.mean, theory, allowed);
    EXPECT_GT(std::abs(measured.mean - wrong), allowed);
  }
}

// T13b: sx2 = 1, sy2 = 1/4, so SGD would have kappa = 2 where parallel Adam has 1
TEST(AdamEnsemble, OnThePeriodicValleyHasTheLawsOfParallelAndOfLocalAdam) {
  constexpr double kSlowTime = 6.0, kBeta = 1.0;
  const Observable<2> cosine = [](const auto& seen) { return std::cos(seen.projected[1]); };
  const auto measured = [&](double eta, bool local, double slow_time) {
    auto schedule = constant_schedule(eta, std::lround(slow_time / (eta * eta)), local ? std::lround(kBeta / eta) : 1);
    if (!local) schedule.sync.switch_step = schedule.total_steps;
    const auto options = options_with(900, {Adam{0.5, 1 - 0.1 * eta * eta, 1e-8}, {}}, 4);
    return run_ensemble(PeriodicValley{1.0, 0.5}, {0.0, 1.0}, schedule, options, {cosine}, {})[0]
        .observables[0]
        .estimate();
  };
  const auto expect_law = [&](bool local, double slow_time, double theory, double wrong) {
    const Estimate limit =
        extrapolate_to_zero(0.1, measured(0.1, local, slow_time), 0.05, measured(0.05, local, slow_time));
    std::printf("E cos y %.4f +- %.4f, theory %.4f, wrong theory %.4f\n", limit.mean, limit.standard_error, theory,
                wrong);
    EXPECT_NEAR(limit.mean, theory, 4 * limit.standard_error);
    EXPECT_GT(std::abs(limit.mean - wrong), 4 * limit.standard_error);
  };
  const PeriodicValley valley{1.0, 0.5};
  const double parallel = AdamPeriodicValley{valley}.mean_cosine();
  expect_law(false, kSlowTime, parallel, valley.mean_cosine(1));
  // Without averages of parameters in the law: the drift of parallel Adam, whose diffusion is K times as large.
  expect_law(true, 2 * kSlowTime, AdamPeriodicValley{valley, 4, kBeta}.mean_cosine(), parallel);
}

TEST(GenericKernel, RefusesWhatItHasNoCodeForWithWhatThereIs) {
  const auto error_of = [](const EnsembleOptions& options) -> std::string {
    try {
      run_ensemble(Circle{}, {1.0, 0.0}, constant_schedule(0.02, 1, 1), options, {}, {});
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  };
  auto options = options_with(1, {Sgd{0.9}, {}});
  EXPECT_EQ(error_of(options), "no error");
  options.precision = Precision::float32;
  EXPECT_THAT(error_of(options), testing::HasSubstr("gaussian noise or label_noise and sgd without momentum"));
  options = options_with(1, {});
  options.noise = toy_noise::MiniBatch{1, true};
  EXPECT_THAT(error_of(options), testing::HasSubstr("least_squares and diagonal_network"));
}

TEST(GenericKernel, MarksReplicasThatLeaveTheDomain) {
  auto options = options_with(3, {Sgd{0.9}, {}});
  EXPECT_THROW(run_ensemble(Quadratic<1>{{3.0}, {1.0}}, Vec<1>(1.0), constant_schedule(2.0, 60, 3), options, {}, {}),
               Diverged);
}

}  // namespace
}  // namespace quasar
