#include <gtest/gtest.h>

#include <cmath>

#include "core/drift_factors.h"
#include "core/estimate.h"
#include "tests/toy_models/ensemble_for_tests.h"
#include "toy_models/circle.h"
#include "toy_models/ensemble.h"
#include "toy_models/hyperbola.h"
#include "toy_models/quadratic.h"
#include "toy_models/valley.h"

namespace quasar {
namespace {

constexpr int kWorkers = 4;

EnsembleOptions options_with(std::int64_t replicas) {
  EnsembleOptions options;
  options.num_workers = kWorkers;
  options.replicas = replicas;
  options.seed = 2024;
  return options;
}

/// Agreement within 4 s.e. and a derived bias; the nearest wrong theory must be excluded by the same rule.
void expect_agreement(const Estimate& measured, double theory, double bias, double wrong_theory,
                      const std::string& what) {
  SCOPED_TRACE(what + ": measured " + std::to_string(measured.mean) + " +- " + std::to_string(measured.standard_error) +
               ", theory " + std::to_string(theory) + ", wrong theory " + std::to_string(wrong_theory));
  const double allowed = 4 * measured.standard_error + bias;
  EXPECT_NEAR(measured.mean, theory, allowed);
  EXPECT_GT(std::abs(measured.mean - wrong_theory), allowed) << "the test cannot tell";
}

/// Classical Runge-Kutta for dy/dt = f(y).
template <class State, class F>
State integrate(State y, double time, int steps, const F& f) {
  const double h = time / steps;
  for (int i = 0; i < steps; ++i) {
    const State k1 = f(y), k2 = f(State(y + 0.5 * h * k1)), k3 = f(State(y + 0.5 * h * k2)), k4 = f(State(y + h * k3));
    y += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
  }
  return y;
}

TEST(QuadraticEnsemble, MomentsOfTheAverageFollowBatchSgdForEveryScheduleOfH) {
  const Quadratic<2> bowl{{2.0, 0.5}, {1.0, 0.7}};
  const Vec<2> start(1.0, -0.5);
  TrainingSchedule schedule = constant_schedule(0.1, 60, 1);
  schedule.learning_rate.decay = lr_decay::Cosine{};
  schedule.learning_rate.final = 0.01;

  Vec<2> mean = start, second = start.cwiseAbs2(), second_wrong = second;
  for (std::int64_t step = 0; step < schedule.total_steps; ++step) {
    const double eta = schedule.learning_rate.at(step);
    for (int i = 0; i < 2; ++i) {
      const double g = 1 - eta * bowl.eigenvalue[i], noise = eta * eta * bowl.noise_scale[i] * bowl.noise_scale[i];
      mean[i] *= g;
      second[i] = g * g * second[i] + noise;
      second_wrong[i] = g * g * second_wrong[i] + noise * (kWorkers - 1) / kWorkers;
    }
  }

  for (const SynchronizationRule& rule : std::vector<SynchronizationRule>{
           {sync_rules::Constant{1}, 0, 60, 0},
           {sync_rules::Constant{7}, 0, 60, 0},
           {sync_rules::Power{0.2, 2.0, 2}, 0, 60, 0},
           {sync_rules::Phases{{{0, 3}, {20, 11}}}, 0, 60, 0},
           {sync_rules::Swap{}, 0, 60, 10},
       }) {
    schedule.sync = rule;
    std::vector<Observable<2>> observables;
    for (int i = 0; i < 2; ++i) {
      observables.push_back([i](const auto& seen) { return seen.average[i]; });
      observables.push_back([i](const auto& seen) { return seen.average[i] * seen.average[i]; });
    }
    const auto records = run_ensemble(bowl, start, schedule, options_with(20'000), observables, {});
    ASSERT_EQ(records.size(), 1u);
    for (int i = 0; i < 2; ++i) {
      const auto at = static_cast<std::size_t>(2 * i);
      const std::string what = "rule " + std::to_string(rule.rule.index()) + ", axis " + std::to_string(i);
      expect_agreement(records[0].observables[at].estimate(), mean[i], 0.0, start[i], what + ", mean");
      expect_agreement(records[0].observables[at + 1].estimate(), second[i], 0.0, second_wrong[i], what + ", square");
    }
  }
}

double weight_at(const DriftWeights& weights, double lambda) { return weights(lambda, lambda); }

/// Toy T1: dy = -(s2/4) m(e^y) dt with s2 = 1.
double valley_height(double start, double time, const DriftWeights& weights) {
  return integrate(start, time, 1000, [&](double y) { return -0.25 * weight_at(weights, std::exp(y)); });
}

TEST(ValleyEnsemble, DescendsAsItsSlowSdeInEveryRegime) {
  using namespace drift_weights;
  struct Case {
    std::string name;
    std::int64_t period;
    DriftWeights weights, wrong;
  };
  constexpr double kEta = 0.02, kStart = 0.5, kTime = 1.0;
  const Case cases[] = {
      {"SGD", 1, {Sgd{}, kWorkers}, {FiniteStep{kEta, 2}, kWorkers}},
      {"H = 1/eta", 50, {LocalSgd{1.0}, kWorkers}, {LocalSgd{1.0}, kWorkers - 1}},
      {"QSR, alpha^2 = 0.2", 500, {LocalSgd{10.0}, kWorkers}, {LocalSgd{10.0}, kWorkers - 1}},
  };
  const Observable<2> height = [](const auto& seen) { return seen.projected[1]; };
  for (const auto& [name, period, weights, wrong] : cases) {
    const DriftWeights finite{FiniteStep{kEta, period}, kWorkers};
    const double theory = valley_height(kStart, kTime, weights);
    // What is known of the bias of order eta: the finite-step weights, and the fast direction's lag eta/(2 lambda).
    const double lowest = std::exp(theory);
    const double bias = std::abs(valley_height(kStart, kTime, finite) - theory) +
                        0.25 * weight_at(finite, lowest) * kEta / (2 * lowest);
    const auto records = run_ensemble(Valley{1.0}, {0.0, kStart}, constant_schedule(kEta, 2500, period),
                                      options_with(1500), {height}, {});
    expect_agreement(records.back().observables[0].estimate(), theory, bias, valley_height(kStart, kTime, wrong), name);
  }
}

/// Mean at the end at eta and eta/2 with the same eta H (0: H = 1), extrapolated to eta = 0.
template <class L>
Estimate extrapolated_mean(const L& landscape, const Vec<L::dim>& start, double slow_time, double eta_times_period,
                           double learning_rate, std::int64_t replicas, const Observable<L::dim>& observable) {
  const auto measured = [&](double eta) {
    const auto period = std::max<std::int64_t>(1, std::llround(eta_times_period / eta));
    const auto schedule = constant_schedule(eta, std::llround(slow_time / (eta * eta)), period);
    const auto records = run_ensemble(landscape, start, schedule, options_with(replicas), {observable}, {});
    return records.back().observables[0].estimate();
  };
  return extrapolate_to_zero(learning_rate, measured(learning_rate), learning_rate / 2, measured(learning_rate / 2));
}

/// E cos 2 phi of toy T5 from phi = 0: the moments E cos k phi, k = 2, 4, ..., follow a tridiagonal linear system.
double circle_anisotropy(const Circle& circle, double time, double weight) {
  using Moments = Eigen::Array<double, 17, 1>;
  const double a2 = circle.noise_scale_x * circle.noise_scale_x, b2 = circle.noise_scale_y * circle.noise_scale_y;
  const double mean = (a2 + b2) / 2, half_difference = (a2 - b2) / 2;
  const auto rate = [&](const Moments& c) {
    Moments dc = Moments::Zero();  // c_0 = 1 stays; c_32 is negligible
    for (int i = 1; i < 16; ++i) {
      const double k = 2 * i;
      dc[i] = -0.5 * weight * half_difference * k * (c[i - 1] - c[i + 1]) - 0.5 * k * k * mean * c[i] +
              0.25 * k * k * half_difference * (c[i - 1] + c[i + 1]);
    }
    return dc;
  };
  return integrate(Moments(Moments::Ones()), time, 2000, rate)[1];
}

TEST(CircleEnsemble, TurnsTowardsTheNoisyDirectionMoreUnderLongRounds) {
  using namespace drift_weights;
  const Circle circle{4.0, std::sqrt(1.8), std::sqrt(0.2)};
  const Observable<2> anisotropy = [](const auto& seen) { return 2 * seen.projected[0] * seen.projected[0] - 1; };
  const auto theory = [&](const DriftWeights& weights) {
    return circle_anisotropy(circle, 1.0, weights(circle.stiffness, 0.0));  // the mixed block drives it
  };
  const auto extrapolated = [&](double eta_times_period) {
    return extrapolated_mean(circle, {1.0, 0.0}, 1.0, eta_times_period, 0.04, 16'000, anisotropy);
  };
  expect_agreement(extrapolated(0.0), theory({Sgd{}, kWorkers}), 0.0, theory({LocalSgd{0.5}, kWorkers}), "SGD");
  expect_agreement(extrapolated(0.5), theory({LocalSgd{0.5}, kWorkers}), 0.0, theory({LocalSgd{0.5}, kWorkers - 1}),
                   "H = 0.5/eta");
}

/// Toy T7: dw = -s2 m(2 cosh 2s) w dt for w = u^2 - v^2 = 2 sinh 2s with s2 = 1.
double hyperbola_imbalance(double start, double time, const DriftWeights& weights) {
  return integrate(start, time, 1000, [&](double w) { return -weight_at(weights, std::sqrt(4.0 + w * w)) * w; });
}

TEST(Hyperbola, EveryNoisyStepContractsTheImbalance) {
  // u' = u - eta g v, v' = v - eta g u with g = uv - 1 + noise: w = u^2 - v^2 goes to w (1 - eta^2 g^2) exactly
  constexpr double kEta = 0.1, kAmplitude = 0.8;
  const Hyperbola hyperbola{kAmplitude};
  Vec<2> x(1.7, 0.9);
  for (const double normal : {0.7, -1.3, 2.1, -0.2}) {
    const double noise = kAmplitude * normal, g = x[0] * x[1] - 1.0 + noise;
    Vec<2> next;
    hyperbola.noisy_step(x.data(), &noise, -kEta, next.data());
    const double before = x[0] * x[0] - x[1] * x[1], after = next[0] * next[0] - next[1] * next[1];
    EXPECT_NEAR(after, before * (1.0 - kEta * kEta * g * g), 4e-15);
    EXPECT_GT(std::abs(after - before * (1.0 - 2.0 * kEta * kEta * g * g)), 1e-3 * std::abs(before) * g * g);
    x = next;
  }
}

TEST(HyperbolaEnsemble, LabelNoiseRemovesTheImbalanceAtTheRateOfItsRegime) {
  using namespace drift_weights;
  const Observable<2> imbalance = [](const auto& seen) {
    return seen.projected[0] * seen.projected[0] - seen.projected[1] * seen.projected[1];
  };
  const Hyperbola hyperbola{1.0};
  const Vec<2> start = hyperbola.project({1.6, 0.6});
  const auto extrapolated = [&](double eta_times_period) {
    return extrapolated_mean(hyperbola, start, 0.4, eta_times_period, 0.02, 1000, imbalance);
  };
  const auto theory = [&](const DriftWeights& weights) {
    return hyperbola_imbalance(start[0] * start[0] - start[1] * start[1], 0.4, weights);
  };
  expect_agreement(extrapolated(0.0), theory({Sgd{}, kWorkers}), 0.0, theory({FiniteStep{0.02, 2}, kWorkers}), "SGD");
  expect_agreement(extrapolated(0.5), theory({LocalSgd{0.5}, kWorkers}), 0.0, theory({LocalSgd{0.5}, kWorkers - 1}),
                   "H = 0.5/eta");
  // QSR: eta H = 8 makes psi nearly 1, and alpha^2 = 8 eta goes to 0 with eta
  const Estimate qsr = extrapolated_mean(hyperbola, start, 0.4, 8.0, 0.005, 1000, imbalance);
  expect_agreement(qsr, theory({LocalSgd{8.0}, kWorkers}), 0.0, theory({LocalSgd{8.0}, kWorkers - 1}), "QSR");
  const double start_imbalance = start[0] * start[0] - start[1] * start[1];
  EXPECT_NEAR(theory({drift_weights::Quadratic{}, kWorkers}), start_imbalance * std::exp(-0.4 * kWorkers), 1e-9);
  EXPECT_NEAR(qsr.mean, start_imbalance * std::exp(-0.4 * kWorkers), 0.05 * start_imbalance);
}

}  // namespace
}  // namespace quasar
