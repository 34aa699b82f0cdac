// Path-steps per second of Slow SDEs on the circle and the sphere; one line of JSON, like peers.py.
//   quasar_sde_paths closed_form|general circle|sphere DIM PATHS STEPS REPETITIONS THREADS [gaussian|two_point]

#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "sde/closed_form_paths.h"
#include "sde/closed_form_sdes.h"
#include "sde/path_ensemble.h"
#include "toy_models/circle.h"
#include "toy_models/sphere.h"

namespace {

using namespace quasar;

struct Arguments {
  std::string method, system;
  int dim;
  std::int64_t paths, steps, repetitions;
  int threads;
  NoiseLaw law;
};

constexpr double kTime = 0.5;

template <int Dim>
double observable(const Vec<Dim>& zeta) {
  return Dim == 2 ? zeta[0] * zeta[0] - zeta[1] * zeta[1] : zeta[0];
}

/// Repeats, after a first time that does not count, and prints.
template <int Dim, class Make>
void measure(const Arguments& a, const Make& make) {
  std::string rates;
  RunningMoments moments;
  for (std::int64_t repetition = 0; repetition <= a.repetitions; ++repetition) {
    auto paths = make(static_cast<std::uint64_t>(repetition));
    const auto begin = std::chrono::steady_clock::now();
    paths.advance(a.steps);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const double rate = static_cast<double>(a.paths) * static_cast<double>(a.steps) / seconds;
    if (repetition > 0) rates += (rates.empty() ? "" : ", ") + std::to_string(rate);
    moments = paths.measure(observable<Dim>);
  }
  std::printf("{\"rates\": [%s], \"mean\": %.6f, \"se\": %.6f}\n", rates.c_str(), moments.mean(),
              moments.estimate().standard_error);
}

template <int Dim>
Vec<Dim> start_of(const Arguments& a) {
  Vec<Dim> start = Vec<Dim>::Unit(a.dim, 0);
  if (a.system == "circle") start.template head<2>() << std::cos(0.6), std::sin(0.6);
  return start;
}

template <class System>
void closed_form(const Arguments& a, const System& system) {
  measure<System::dim>(a, [&](std::uint64_t seed) {
    return ClosedFormPaths<System>(system,
                                   {.time_step = kTime / static_cast<double>(a.steps),
                                    .paths = a.paths,
                                    .seed = seed,
                                    .threads = a.threads,
                                    .noise_law = a.law},
                                   start_of<System::dim>(a));
  });
}

template <class L>
void general(const Arguments& a, const L& landscape, double multiplier) {
  measure<L::dim>(a, [&](std::uint64_t seed) {
    PathOptions options;
    options.time_step = kTime / static_cast<double>(a.steps);
    options.paths = a.paths;
    options.seed = seed;
    options.threads = a.threads;
    options.noise_law = a.law;
    options.retraction = PathRetraction::newton;
    const DriftWeights weights{drift_weights::Quadratic{}, static_cast<int>(multiplier)};
    return PathEnsemble<L, L>(landscape, landscape, weights, options, start_of<L::dim>(a));
  });
}

/// T6 in a dimension known only when running, as its user would write it.
struct AnySphere {
  static constexpr int dim = Eigen::Dynamic;
  double value(const Eigen::VectorXd& x) const { return 0.5 * excess(x) * excess(x); }
  Eigen::VectorXd gradient(const Eigen::VectorXd& x) const { return 2.0 * excess(x) * x; }
  Eigen::MatrixXd hessian(const Eigen::VectorXd& x) const {
    return 2.0 * excess(x) * Eigen::MatrixXd::Identity(x.size(), x.size()) + 4.0 * x * x.transpose();
  }
  Eigen::VectorXd third_derivative(const Eigen::VectorXd& x, const Eigen::MatrixXd& s) const {
    return 4.0 * ((s + s.transpose()) * x + s.trace() * x);
  }
  Eigen::MatrixXd covariance(const Eigen::VectorXd& x) const { return Eigen::MatrixXd::Identity(x.size(), x.size()); }

 private:
  static double excess(const Eigen::VectorXd& x) { return x.squaredNorm() - 1.0; }
};

template <int Dim>
void sphere(const Arguments& a) {
  if (a.method == "closed_form") return closed_form(a, SphereSlowSde<Dim>{});
  general(a, Sphere<Dim>{}, 1.0);
}

int run(const Arguments& a) {
  if (a.system == "circle" && a.dim == 2) {
    if (a.method == "closed_form")
      closed_form(a, CircleSlowSde{.variance_x = 2.0, .variance_y = 0.4, .multiplier = 3.0});
    else
      general(a, Circle{.stiffness = 4.0, .noise_scale_x = std::sqrt(2.0), .noise_scale_y = std::sqrt(0.4)}, 3.0);
    return 0;
  }
  if (a.system != "sphere") return 2;
  if (a.dim == 3) return sphere<3>(a), 0;  // fixed sizes where Eigen gains by them
  if (a.dim == 10) return sphere<10>(a), 0;
  if (a.method == "general") return general(a, AnySphere{}, 1.0), 0;
  if (a.dim == 100 && a.method == "closed_form") return closed_form(a, SphereSlowSde<100>{}), 0;
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 8) return 2;
  const std::vector<std::string> words(argv + 1, argv + argc);
  return run({words[0], words[1], std::stoi(words[2]), std::stol(words[3]), std::stol(words[4]), std::stol(words[5]),
              std::stoi(words[6]),
              words.size() > 7 && words[7] == "two_point" ? NoiseLaw::two_point : NoiseLaw::gaussian});
}
