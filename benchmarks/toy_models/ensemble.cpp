// Worker-steps per second of Local SGD on toy landscapes, and normals per second; one line of JSON, like peers.py.
//   quasar_toy_ensemble LANDSCAPE gaussian|signs float|double WORKERS REPLICAS ROUNDS REPETITIONS THREADS [INSTRUCTIONS]
//   quasar_toy_ensemble textbook gaussian|signs WORKERS REPLICAS ROUNDS REPETITIONS
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
#include "toy_models/multiplicative_quadratic.h"
#include "toy_models/periodic_valley.h"
#include "toy_models/quadratic.h"
#include "toy_models/river.h"
#include "toy_models/sphere.h"
#include "toy_models/turning_valley.h"
#include "toy_models/valley.h"

namespace {

using namespace quasar;

constexpr int kPeriod = 32;
constexpr double kEta = 0.05, kLabelNoise = 0.5;  // of one worker

/// Repeats, after a first time that does not count, and prints the rates and the mean of `work`.
int measure(std::int64_t repetitions, double items, const std::function<Estimate(std::uint64_t seed)>& work) {
  std::string rates;
  Estimate estimate{};
  for (std::int64_t repetition = 0; repetition <= repetitions; ++repetition) {
    const auto begin = std::chrono::steady_clock::now();
    estimate = work(static_cast<std::uint64_t>(repetition));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
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

TrainingSchedule schedule_of(std::int64_t rounds, double eta) {
  TrainingSchedule schedule;
  schedule.total_steps = rounds * kPeriod;
  schedule.learning_rate.decay = lr_decay::Constant{};
  schedule.learning_rate.peak = eta;
  schedule.learning_rate.total_steps = schedule.total_steps;
  schedule.sync.rule = sync_rules::Constant{kPeriod};
  schedule.sync.total_steps = schedule.total_steps;
  return schedule;
}

template <class L>
int ensemble(const L& landscape, const Vec<L::dim>& start, double eta, EnsembleOptions options, std::int64_t rounds,
             std::int64_t repetitions) {
  const Observable<L::dim> observable = [](const Observed<L::dim>& seen) {
    const auto& x = seen.average;
    return L::dim == 1 ? x[0] : x[0] * x[0] - x[L::dim - 1] * x[L::dim - 1];
  };
  const double items = static_cast<double>(options.replicas * options.num_workers * rounds * kPeriod);
  return measure(repetitions, items, [&](std::uint64_t seed) {
    options.seed = seed;
    return run_ensemble(landscape, start, schedule_of(rounds, eta), options, {observable}, {})
        .back()
        .observables[0]
        .estimate();
  });
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
  if (name == "diagonal_network") {
    DiagonalNetwork<8, 3> network{{}, {1.0, -0.8, 0.6}, 0.5};
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 8; ++j) network.inputs[i][j] = (j >> i & 1) != 0 ? -1.0 : 1.0;
    return run(network, Vec<16>(Vec<16>::Constant(0.5)), 0.01);
  }
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
