#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/errors.h"
#include "core/estimate.h"
#include "core/loss.h"
#include "core/random.h"
#include "sde/platen_scheme.h"

namespace quasar {

enum class PathScheme { euler, platen };
enum class PathRetraction { gradient_flow, newton };

struct PathOptions {
  double time_step = 0.0;  ///< of slow time
  std::int64_t paths = 1;
  std::uint64_t seed = 0;
  int threads = 1;
  GradientFlowOptions gradient_flow{};
  NoiseLaw noise_law = NoiseLaw::gaussian;
  PathScheme scheme = PathScheme::euler;
  PathRetraction retraction = PathRetraction::gradient_flow;
};

/// Where an ensemble of paths stands; with the options it is all that a restart needs.
template <int Dim>
struct PathState {
  std::int64_t step = 0;
  std::vector<Vec<Dim>> positions;  ///< one a path
  std::vector<char> left_domain;    ///< 1: the projection failed at some step; the position is the last good one
};

/// Many paths of a Slow SDE by one of the schemes.
///
/// The noise of (path, step) are named draws, so paths do not depend on threads, on each other or on restarts.
template <class L, class Noise>
requires Loss<L> && GradientNoise<Noise, L::dim>
class PathEnsemble {
 public:
  static constexpr int dim = L::dim;
  using State = PathState<dim>;

  PathEnsemble(const L& loss, const Noise& noise, const DriftWeights& weights, const PathOptions& options,
               const Vec<dim>& start)
      : loss_(loss), noise_(noise), weights_(weights), options_(options) {
    const auto projected = project_by_gradient_flow(loss_, start, options_.gradient_flow);
    if (!projected.converged) throw NumericalError("the gradient flow from the starting point does not converge");
    state_.positions.assign(static_cast<std::size_t>(options_.paths), projected.point);
    state_.left_domain.assign(static_cast<std::size_t>(options_.paths), 0);
  }

  const State& state() const { return state_; }
  void restore(State state) { state_ = std::move(state); }
  double slow_time() const { return static_cast<double>(state_.step) * options_.time_step; }

  /// Takes `steps` steps of every path.
  void advance(std::int64_t steps) {
    std::atomic<std::size_t> next_block{0};
    const auto work = [&] {
      for (std::size_t begin; (begin = kBlock * next_block++) < state_.positions.size();)
        for (std::size_t path = begin; path < std::min(begin + kBlock, state_.positions.size()); ++path)
          for (std::int64_t step = state_.step; step < state_.step + steps; ++step) advance_path(path, step);
    };
    std::vector<std::jthread> helpers;
    for (int t = 1; t < options_.threads; ++t) helpers.emplace_back(work);
    work();
    helpers.clear();
    state_.step += steps;
  }

  std::int64_t paths_that_left() const {
    return std::count(state_.left_domain.begin(), state_.left_domain.end(), char{1});
  }

  /// Mean and spread of an observable over the paths that are still in the domain, in path order.
  RunningMoments measure(const std::function<double(const Vec<dim>&)>& observable) const {
    RunningMoments moments;
    for (std::size_t path = 0; path < state_.positions.size(); ++path)
      if (!state_.left_domain[path]) moments.add(observable(state_.positions[path]));
    return moments;
  }

 private:
  static constexpr std::size_t kBlock = 64;

  Projection<dim> one_step(const Vec<dim>& zeta, const StepNoise<dim>& noise) const {
    const auto with = [&](const auto& retraction) {
      if (options_.scheme == PathScheme::platen)
        return Platen{}(ito_coefficient_field(loss_, noise_, weights_), retraction, zeta, options_.time_step, noise);
      return Euler{}(slow_coefficient_field(loss_, noise_, weights_), retraction, zeta, options_.time_step, noise);
    };
    if (options_.retraction == PathRetraction::newton) return with(newton_retraction(loss_));
    return with(gradient_flow_retraction(loss_, options_.gradient_flow));
  }

  void advance_path(std::size_t path, std::int64_t step) {
    if (state_.left_domain[path]) return;
    Vec<dim>& zeta = state_.positions[path];
    const auto noise = draw_step_noise<dim>(options_.noise_law, options_.seed, static_cast<std::int64_t>(path), step);
    const auto projected = one_step(zeta, noise);
    if (projected.converged)
      zeta = projected.point;
    else
      state_.left_domain[path] = 1;
  }

  L loss_;
  Noise noise_;
  DriftWeights weights_;
  PathOptions options_;
  State state_;
};

}  // namespace quasar
