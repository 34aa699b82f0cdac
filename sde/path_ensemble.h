#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/errors.h"
#include "core/estimate.h"
#include "core/loss.h"
#include "core/random.h"
#include "sde/path_events.h"
#include "sde/platen_scheme.h"
#include "sde/talay_tubaro.h"

namespace quasar {

enum class PathScheme { euler, platen, talay_tubaro };
enum class PathRetraction { gradient_flow, newton, orthographic };

/// The weak order that a scheme declares, given noise with enough moments (highest_weak_order).
constexpr int weak_order_of(PathScheme scheme) {
  switch (scheme) {
    case PathScheme::platen:
      return Platen::weak_order;
    case PathScheme::talay_tubaro:
      return TalayTubaro::weak_order;
    case PathScheme::euler:
      break;
  }
  return Euler::weak_order;
}

struct PathOptions {
  double time_step = 0.0;  ///< of slow time; with Talay-Tubaro of the coarse paths
  std::int64_t paths = 1;
  std::uint64_t seed = 0;
  int threads = 1;
  GradientFlowOptions gradient_flow{};
  NoiseLaw noise_law = NoiseLaw::gaussian;
  PathScheme scheme = PathScheme::euler;
  PathRetraction retraction = PathRetraction::gradient_flow;
};

/// Where an ensemble of paths stands; with the options it is all that a restart needs. One element a path.
template <int Dim>
struct PathState {
  std::int64_t step = 0;
  std::vector<Vec<Dim>> positions;        ///< with Talay-Tubaro of the fine path
  std::vector<Vec<Dim>> coarse;           ///< Talay-Tubaro only
  std::vector<PathEvent> events;          ///< why the path was given up; its position is the last good one
  std::vector<std::int64_t> event_steps;  ///< the step that could not be taken; 0 without event
};

/// Many paths of a Slow SDE by one of the schemes.
///
/// The noise of (path, step) are named draws, so paths do not depend on threads, on each other or on restarts. A path
/// with an event (see PathEvent) stops where it is and is in no average from then on.
template <class L, class Noise>
requires Loss<L> && GradientNoise<Noise, L::dim>
class PathEnsemble {
 public:
  static constexpr int dim = L::dim;
  using State = PathState<dim>;
  using Observable = std::function<double(const Vec<dim>&)>;

  /// Projects the start onto the manifold by the gradient flow.
  ///
  /// throws  NumericalError naming the point if the flow does not converge, or the Hessian at its end is that of a
  ///         saddle, of an isolated minimiser or 0; ConfigError if the noise law lacks moments that the scheme needs
  PathEnsemble(const L& loss, const Noise& noise, const DriftWeights& weights, const PathOptions& options,
               const Vec<dim>& start)
      : loss_(loss),
        noise_(noise),
        weights_(weights),
        options_(options),
        start_(on_manifold(loss, start, options.gradient_flow)),
        monitor_(loss, start_) {
    if (highest_weak_order(options_.noise_law) < weak_order_of(options_.scheme))
      throw ConfigError("a scheme of weak order " + std::to_string(weak_order_of(options_.scheme)) +
                        " needs noise with more normal moments than this law has");
    const auto paths = static_cast<std::size_t>(options_.paths);
    state_.positions.assign(paths, start_);
    if (options_.scheme == PathScheme::talay_tubaro) state_.coarse = state_.positions;
    state_.events.assign(paths, PathEvent::none);
    state_.event_steps.assign(paths, 0);
  }

  const Vec<dim>& start() const { return start_; }
  Eigen::Index rank() const { return monitor_.rank(); }
  const State& state() const { return state_; }
  void restore(State state) { state_ = std::move(state); }
  double slow_time() const { return static_cast<double>(state_.step) * options_.time_step; }

  /// Takes `steps` steps of every path.
  void advance(std::int64_t steps) {
    std::atomic<std::size_t> next_block{0};
    std::mutex mutex;
    std::exception_ptr error;
    const auto work = [&] {
      try {
        for (std::size_t begin; (begin = kBlock * next_block++) < state_.positions.size();)
          for (std::size_t path = begin; path < std::min(begin + kBlock, state_.positions.size()); ++path)
            for (std::int64_t step = state_.step; step < state_.step + steps; ++step) advance_path(path, step);
      } catch (...) {
        const std::lock_guard lock(mutex);
        error = std::current_exception();
      }
    };
    std::vector<std::jthread> helpers;
    for (int t = 1; t < options_.threads; ++t) helpers.emplace_back(work);
    work();
    helpers.clear();
    if (error) std::rethrow_exception(error);
    state_.step += steps;
  }

  /// How many paths each kind of event has ended.
  std::map<PathEvent, std::int64_t> events() const {
    std::map<PathEvent, std::int64_t> counts;
    for (const PathEvent kind : kPathEvents)
      counts[kind] = std::count(state_.events.begin(), state_.events.end(), kind);
    return counts;
  }
  std::int64_t paths_that_left() const {
    return static_cast<std::int64_t>(state_.events.size()) -
           std::count(state_.events.begin(), state_.events.end(), PathEvent::none);
  }

  /// What estimates the mean of an observable, over the paths without event in path order: its values, or with
  /// Talay-Tubaro 2 f(fine) - f(coarse), whose spread is that of the estimator and not of the observable.
  RunningMoments measure(const Observable& observable) const {
    RunningMoments moments;
    for_each_good([&](std::size_t path) {
      const double value = observable(state_.positions[path]);
      moments.add(state_.coarse.empty() ? value : 2.0 * value - observable(state_.coarse[path]));
    });
    return moments;
  }

  /// The observable on the paths without event (with Talay-Tubaro on the fine ones), in path order.
  std::vector<double> values(const Observable& observable) const {
    std::vector<double> values;
    for_each_good([&](std::size_t path) { values.push_back(observable(state_.positions[path])); });
    return values;
  }

 private:
  static constexpr std::size_t kBlock = 64;

  static Vec<dim> on_manifold(const L& loss, const Vec<dim>& start, const GradientFlowOptions& options) {
    const auto projected = project_by_gradient_flow(loss, start, options);
    if (!projected.converged)
      throw NumericalError("the gradient flow from the starting point " + print_point(start) +
                           " does not converge; it got to " + print_point(projected.point));
    return projected.point;
  }

  template <class Visit>
  void for_each_good(const Visit& visit) const {
    for (std::size_t path = 0; path < state_.positions.size(); ++path)
      if (state_.events[path] == PathEvent::none) visit(path);
  }

  Projection<dim> retract(const Vec<dim>& base, const Vec<dim>& x) const {
    switch (options_.retraction) {
      case PathRetraction::newton:
        return project_by_newton(loss_, base, x);
      case PathRetraction::orthographic:
        return project_orthographically(loss_, base, x);
      case PathRetraction::gradient_flow:
        break;
    }
    return project_by_gradient_flow(loss_, x, options_.gradient_flow);
  }

  CoupledPoints<dim> next(std::size_t path, std::int64_t step) const {
    const Vec<dim>& zeta = state_.positions[path];
    const double h = options_.time_step;
    const auto retraction = [this](const Vec<dim>& base, const Vec<dim>& x) { return retract(base, x); };
    const auto noise = [&](std::int64_t index) {
      return draw_step_noise<dim>(options_.noise_law, options_.seed, static_cast<std::int64_t>(path), index,
                                  zeta.size());
    };
    const auto slow = slow_coefficient_field(loss_, noise_, weights_);
    if (options_.scheme == PathScheme::talay_tubaro)
      return TalayTubaro{}(slow, retraction, CoupledPoints<dim>{zeta, state_.coarse[path]}, h, noise(2 * step),
                           noise(2 * step + 1));
    const auto single = options_.scheme == PathScheme::platen
                            ? Platen{}(ito_coefficient_field(loss_, noise_, weights_), retraction, zeta, h, noise(step))
                            : Euler{}(slow, retraction, zeta, h, noise(step));
    return {single.point, single.point, single.converged};
  }

  PathEvent event_at(const CoupledPoints<dim>& points) const {
    const bool finite = points.fine.allFinite() && points.coarse.allFinite() &&
                        Vec<dim>(loss_.gradient(points.fine)).allFinite() &&
                        Vec<dim>(loss_.gradient(points.coarse)).allFinite();
    if (!finite) return PathEvent::not_finite;
    if (!points.converged) return PathEvent::retraction_failed;
    const PathEvent event = monitor_.at(loss_, points.fine);
    const bool two_levels = !state_.coarse.empty();
    return event == PathEvent::none && two_levels ? monitor_.at(loss_, points.coarse) : event;
  }

  void advance_path(std::size_t path, std::int64_t step) {
    if (state_.events[path] != PathEvent::none) return;
    PathEvent event = PathEvent::not_a_minimiser;
    try {
      const auto points = next(path, step);
      event = event_at(points);
      if (event == PathEvent::none) {
        state_.positions[path] = points.fine;
        if (!state_.coarse.empty()) state_.coarse[path] = points.coarse;
        return;
      }
    } catch (const NumericalError&) {  // slow_coefficients, at a stage of the scheme that is no minimiser
    }
    state_.events[path] = event;
    state_.event_steps[path] = step;
  }

  L loss_;
  Noise noise_;
  DriftWeights weights_;
  PathOptions options_;
  Vec<dim> start_;
  RankMonitor<L> monitor_;
  State state_;
};

}  // namespace quasar
