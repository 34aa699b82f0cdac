// Worker-steps per second of Local SGD on toy landscapes, and normals per second; one line of JSON, like peers.py.
//   quasar_toy_ensemble LANDSCAPE gaussian|signs float|double WORKERS REPLICAS ROUNDS REPETITIONS THREADS [INSTRUCTIONS]
//   quasar_toy_ensemble textbook gaussian|signs WORKERS REPLICAS ROUNDS REPETITIONS
//   quasar_toy_ensemble recording OBSERVABLES REPLICAS RECORDS REPETITIONS   (observables a second)
//   quasar_toy_ensemble normals|words|std_normals REPETITIONS [INSTRUCTIONS]
// INSTRUCTIONS: baseline, v3 or v4; by itself the widest. The hyperbola is peers.py's problem: H = 32, eta = 0.05.

#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "core/lane_noise.h"
#include "toy_models/circle.h"
#include "toy_models/diagonal_network.h"
#include "toy_models/ellipse.h"
#include "toy_models/ensemble.h"
#include "toy_models/hyperbola.h"
#include "toy_models/least_squares.h"
#include "toy_models/matrix_factorization.h"
#include "toy_models/multiplicative_quadratic.h"
#include "toy_models/periodic_valley.h"
#include "toy_models/quadratic.h"
#include "toy_models/river.h"
#include "toy_models/sphere.h"
#include "toy_models/tanh_network.h"
#include "toy_models/turning_valley.h"
#include "toy_models/valley.h"

namespace {

using namespace quasar;

constexpr int kPeriod = 32;
constexpr double kEta = 0.05, kLabelNoise = 0.5;  // of one worker

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Repeats, after a first time that does not count, and prints the rates and the mean of `work`.
int measure(std::int64_t repetitions, double items, const std::function<Estimate(std::uint64_t seed)>& work) {
  std::string rates;
  Estimate estimate{};
  for (std::int64_t repetition = 0; repetition <= repetitions; ++repetition) {
    const double seconds = seconds_of([&] { estimate = work(static_cast<std::uint64_t>(repetition)); });
    if (repetition > 0) rates += (rates.empty() ? "" : ", ") + std::to_string(items / seconds);
  }
  std::printf("{\"rates\": [%s], \"mean\": %.6f, \"se\": %.6f}\n", rates.c_str(), estimate.mean,
              estimate.standard_error);
  return 0;
}

InstructionSet instructions(const std::string& name) {
  if (name == "baseline") return InstructionSet::baseline;
  if (name == "v3") return InstructionSet::x86_64_v3;
  return name == "v4" ? InstructionSet::x86_64_v4 : best_instruction_set();
}

TrainingSchedule schedule_of(std::int64_t rounds, double eta, std::int64_t period = kPeriod) {
  TrainingSchedule schedule;
  schedule.total_steps = rounds * period;
  schedule.learning_rate.decay = lr_decay::Constant{};
  schedule.learning_rate.peak = eta;
  schedule.learning_rate.total_steps = schedule.total_steps;
  schedule.sync.rule = sync_rules::Constant{period};
  schedule.sync.total_steps = schedule.total_steps;
  return schedule;
}

template <class L>
int ensemble(const L& landscape, const Vec<L::dim>& start, double eta, EnsembleOptions options, std::int64_t rounds,
             std::int64_t repetitions) {
  const Observable<L::dim> observable = [](const Observed<L::dim>& seen) {
    const auto& x = seen.average;
    return x.size() == 1 ? x[0] : x[0] * x[0] - x[x.size() - 1] * x[x.size() - 1];
  };
  EnsembleRecording<L::dim> recording;
  recording.project = [](const Vec<L::dim>& x) { return x; };
  recording.observables = {observable};
  const double items = static_cast<double>(options.replicas * options.num_workers * rounds * kPeriod);
  return measure(repetitions, items, [&](std::uint64_t seed) {
    options.seed = seed;
    Estimate last{};
    EnsembleCallbacks callbacks;
    callbacks.on_record = [&](const EnsembleRecord& record) { last = record.observables[0].estimate(); };
    record_ensemble(landscape, start, schedule_of(rounds, eta), options, recording, callbacks);
    return last;
  });
}

/// A step of 8 by 8 matrices of rank 3, or of six hidden units on four samples, as `quasar toy` has them by itself.
int dynamic_ensemble(const std::string& name, const EnsembleOptions& options, std::int64_t rounds,
                     std::int64_t repetitions) {
  const auto wave = [](Eigen::Index i, Eigen::Index j) { return std::sin(static_cast<double>(1 + 3 * i + 7 * j)); };
  if (name == "matrix_factorization") {
    MatrixFactorization problem{Eigen::MatrixXd::Zero(8, 8), 3, 0.5};
    const Eigen::VectorXd start = 0.5 * Eigen::MatrixXd::NullaryExpr(problem.size(), 1, wave).col(0);
    problem.target = problem.left(start) * problem.right(start).transpose();
    return ensemble(problem, start, 0.01, options, rounds, repetitions);
  }
  TanhNetwork network{{Eigen::MatrixXd::NullaryExpr(4, 2, wave), Eigen::VectorXd::Zero(4), 6, 0.5}};
  const Eigen::VectorXd start = Eigen::MatrixXd::NullaryExpr(network.size(), 1, wave).col(0);
  network.labels = network.residual(start);
  return ensemble(network, start, 0.01, options, rounds, repetitions);
}

/// What a record costs: the same steps on the circle with a record after each of them and with the last alone.
int recording_cost(int observables, std::int64_t replicas, std::int64_t records, std::int64_t repetitions) {
  EnsembleOptions options;
  options.num_workers = 1;
  options.replicas = replicas;
  options.threads = 1;
  const auto schedule = schedule_of(records, 0.02, 1);
  EnsembleRecording<2> recording;
  for (int i = 0; i < observables; ++i)
    recording.observables.push_back([i](const auto& seen) { return i % 2 ? seen.projected[1] : seen.average[0]; });
  recording.quantiles = true;
  EnsembleRecording<2> every_step = recording;
  for (std::int64_t step = 0; step < records; ++step)
    every_step.times.push_back(0.02 * 0.02 * static_cast<double>(step));
  const auto time = [&](const EnsembleRecording<2>& what) {
    return seconds_of([&] { record_ensemble(Circle{}, Vec<2>(0.6, 0.8), schedule, options, what); });
  };
  std::string rates;
  for (std::int64_t repetition = 0; repetition <= repetitions; ++repetition) {
    const double seconds = time(every_step) - time(recording);
    if (repetition > 0)
      rates +=
          (rates.empty() ? "" : ", ") + std::to_string(observables * static_cast<double>(replicas * records) / seconds);
  }
  std::printf("{\"rates\": [%s]}\n", rates.c_str());
  return 0;
}

int by_name(const std::string& name, const EnsembleOptions& options, std::int64_t rounds, std::int64_t repetitions) {
  const auto run = [&](const auto& landscape, const auto& start, double eta) {
    return ensemble(landscape, start, eta, options, rounds, repetitions);
  };
  if (name == "hyperbola") return run(Hyperbola{kLabelNoise / std::sqrt(options.num_workers)}, Vec<2>(2.0, 0.5), kEta);
  if (name == "circle") return run(Circle{}, Vec<2>(0.6, 0.8), 0.02);
  if (name == "valley") return run(Valley{}, Vec<2>(0.0, 0.5), 0.02);
  if (name == "river") return run(River{}, Vec<2>(0.0, 0.5), 0.02);
  if (name == "periodic_valley") return run(PeriodicValley{}, Vec<2>(0.0, 0.5), 0.02);
  if (name == "ellipse") return run(Ellipse{}, Vec<2>(1.25, 0.0), 0.02);
  if (name == "sphere") return run(Sphere<3>{}, Vec<3>(1.0, 0.0, 0.0), 0.02);
  if (name == "turning_valley") return run(TurningValley{}, Vec<3>(0.0, 0.0, 0.4), 0.02);
  if (name == "quadratic") return run(Quadratic<2>{{1.0, 0.5}, {1.0, 1.0}}, Vec<2>(0.0, 0.0), 0.02);
  if (name == "multiplicative_quadratic") return run(MultiplicativeQuadratic{}, Vec<1>(1.0), 0.02);
  if (name == "least_squares")
    return run(LeastSquares<2, 4>{{{1.0, 0.5}, {0.5, -1.0}, {-0.7, 0.8}, {0.2, 0.3}}, {0.4, -0.2, 0.1, 0.0}},
               Vec<2>(0.0, 0.0), 0.02);
  if (name == "diagonal_network") {
    DiagonalNetwork<8, 3> network{{}, {1.0, -0.8, 0.6}, 0.5};
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 8; ++j) network.inputs[i][j] = (j >> i & 1) != 0 ? -1.0 : 1.0;
    return run(network, Vec<16>(Vec<16>::Constant(0.5)), 0.01);
  }
  if (name == "matrix_factorization" || name == "tanh_network")
    return dynamic_ensemble(name, options, rounds, repetitions);
  return 2;
}

/// The hyperbola as a textbook would have it: one replica after another, in double, with the standard library's noise.
int textbook(bool signs, int num_workers, std::int64_t replicas, std::int64_t rounds, std::int64_t repetitions) {
  const double items = static_cast<double>(replicas * num_workers * rounds * kPeriod);
  return measure(repetitions, items, [&](std::uint64_t seed) {
    std::mt19937_64 generator(seed);
    std::normal_distribution<double> normal;
    std::bernoulli_distribution coin;
    RunningMoments moments;
    for (std::int64_t replica = 0; replica < replicas; ++replica) {
      double average_x = 2.0, average_y = 0.5;
      for (std::int64_t round = 0; round < rounds; ++round) {
        double sum_x = 0.0, sum_y = 0.0;
        for (int worker = 0; worker < num_workers; ++worker) {
          double x = average_x, y = average_y;
          for (int step = 0; step < kPeriod; ++step) {
            const double noise = signs ? (coin(generator) ? 1.0 : -1.0) : normal(generator);
            const double residual = x * y - 1.0 - kLabelNoise * noise, previous = x;
            x -= kEta * residual * y;
            y -= kEta * residual * previous;
          }
          sum_x += x;
          sum_y += y;
        }
        average_x = sum_x / num_workers;
        average_y = sum_y / num_workers;
      }
      moments.add(average_x * average_x - average_y * average_y);
    }
    return moments.estimate();
  });
}

int draws(const std::string& what, std::int64_t repetitions, InstructionSet set) {
  constexpr int kLanes = 64, kCalls = 200'000;
  return measure(repetitions, 4.0 * kLanes * kCalls, [&](std::uint64_t seed) {
    RunningMoments moments;
    alignas(64) float z[4 * kLanes];
    alignas(64) std::uint32_t w[4 * kLanes];
    std::mt19937 generator(static_cast<std::uint32_t>(seed));
    std::normal_distribution<float> normal;
    for (std::uint64_t step = 0; step < kCalls; ++step) {
      const Draw first{seed, Use::toy_noise, 0, step};
      if (what == "normals")
        fill_normals(set, first, kLanes, z);
      else if (what == "words")
        fill_words(set, first, kLanes, w);
      else
        for (float& value : z) value = normal(generator);
      moments.add(what == "words" ? w[step % 256] : z[step % 256]);
    }
    return moments.estimate();
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  const auto number = [&](std::size_t i) { return i < words.size() ? std::stoll(words[i]) : 1; };
  const std::string what = word(0);
  if (what == "normals" || what == "words" || what == "std_normals")
    return draws(what, number(1), instructions(word(2)));
  if (what == "recording") return recording_cost(static_cast<int>(number(1)), number(2), number(3), number(4));
  const bool signs = word(1) == "signs";
  if (what == "textbook") return textbook(signs, static_cast<int>(number(2)), number(3), number(4), number(5));
  EnsembleOptions options;
  if (signs) options.noise = toy_noise::LabelNoise{};
  options.precision = word(2) == "double" ? Precision::float64 : Precision::float32;
  options.num_workers = static_cast<int>(number(3));
  options.replicas = number(4);
  options.threads = static_cast<int>(number(7));
  options.instruction_set = instructions(word(8));
  return by_name(what, options, number(5), number(6));
}
