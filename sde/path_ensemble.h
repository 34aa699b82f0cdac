#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/errors.h"
#include "core/estimate.h"
#include "core/loss.h"
#include "core/parallel_for.h"
#include "core/random.h"
#include "sde/adam_slow_dynamics.h"
#include "sde/path_events.h"
#include "sde/path_options.h"

namespace quasar {

/// Where an ensemble of paths stands; with the options it is all that a restart needs. One element a path.
template <int Dim>
struct PathState {
  std::int64_t step = 0;
  std::vector<Vec<Dim>> positions;        ///< with Talay-Tubaro of the fine path
  std::vector<Vec<Dim>> coarse;           ///< Talay-Tubaro only
  std::vector<Vec<Dim>> second_moments;   ///< Adam only: v
  std::vector<PathEvent> events;          ///< why the path was given up; its position is the last good one
  std::vector<std::int64_t> event_steps;  ///< the step that could not be taken; 0 without event
};

/// Many paths of a Slow SDE by one of the schemes. Adam's v starts from what it tends to at the start.
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
  ///         saddle, of an isolated minimiser or 0, or if Adam's preconditioner is infinite there, or the learning rate
  ///         of finite steps too large (UnstableStep); ConfigError if the noise law lacks moments that the scheme needs,
  ///         or Adam's paths are to have another scheme or retraction
  PathEnsemble(const L& loss, const Noise& noise, const DriftWeights& weights, const PathOptions& options,
               const Vec<dim>& start)
      : loss_(loss),
        noise_(noise),
        weights_(weights),
        options_(options),
        start_(start_on_manifold(loss, start, options.gradient_flow)),
        monitor_(loss, start_) {
    if (highest_weak_order(options_.noise_law) < weak_order_of(options_.scheme))
      throw ConfigError("a scheme of weak order " + std::to_string(weak_order_of(options_.scheme)) +
                        " needs noise with more normal moments than this law has");
    if (options_.equation != PathEquation::adam) require_stable_start();
    const auto paths = static_cast<std::size_t>(options_.paths);
    state_.positions.assign(paths, start_);
    if (options_.scheme == PathScheme::talay_tubaro) state_.coarse = state_.positions;
    if (options_.equation == PathEquation::adam) state_.second_moments.assign(paths, adam_start());
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
    parallel_for(state_.positions.size(), kBlock, options_.threads, [&](std::size_t path) {
      for (std::int64_t step = state_.step; step < state_.step + steps; ++step) advance_path(path, step);
    });
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

  template <class Visit>
  void for_each_good(const Visit& visit) const {
    for (std::size_t path = 0; path < state_.positions.size(); ++path)
      if (state_.events[path] == PathEvent::none) visit(path);
  }

  void require_stable_start() const {
    try {
      path_coefficients(loss_, noise_, weights_, options_.equation, start_);
    } catch (const UnstableStep& error) {
      throw UnstableStep(std::string(error.what()) + ", at the starting point " + print_point(start_));
    }
  }

  AdamSlowOptions adam() const { return {options_.adam_averaging_rate, options_.adam_epsilon, weights_}; }

  Vec<dim> adam_start() const {
    if (options_.scheme != PathScheme::euler || options_.retraction != PathRetraction::newton)
      throw ConfigError("paths of Adam's slow dynamics are made by Euler's scheme with Newton's retraction only");
    const Vec<dim> v = second_moment_target<dim>(noise_.covariance(start_), adam());
    if (!adam_coordinates(loss_, v, options_.adam_epsilon).scale.allFinite())
      throw NumericalError("Adam's preconditioner is infinite at the starting point " + print_point(start_) +
                           ": a component has no noise, and epsilon is 0");
    return v;
  }

  /// Where a step leads; with Adam, whose v is the second of the two, `coarse` is v.
  CoupledPoints<dim> next(std::size_t path, std::int64_t step) const {
    const Vec<dim>& zeta = state_.positions[path];
    const double h = options_.time_step;
    const RetractionFunction<dim> retraction = [this](const Vec<dim>& base, const Vec<dim>& x) {
      return retract(loss_, options_, base, x);
    };
    const auto noise = [&](std::int64_t index) {
      return draw_step_noise<dim>(options_.noise_law, options_.seed, static_cast<std::int64_t>(path), index,
                                  zeta.size());
    };
    if (options_.equation == PathEquation::adam) {
      const AdamSlowState<dim> from{zeta, state_.second_moments[path]};
      const auto [state, converged] = adam_slow_step(loss_, noise_, from, adam(), h, noise(step).increments);
      return {state.zeta, state.v, converged};
    }
    const SlowCoefficientFunction<dim> slow = [this](const Vec<dim>& x) {
      return path_coefficients(loss_, noise_, weights_, options_.equation, x);
    };
    const ItoCoefficientFunction<dim> ito = [this](const Vec<dim>& x) {
      return path_ito_coefficients(loss_, noise_, weights_, options_.equation, x);
    };
    if (options_.scheme == PathScheme::talay_tubaro)
      return TalayTubaro{}(slow, retraction, CoupledPoints<dim>{zeta, state_.coarse[path]}, h, noise(2 * step),
                           noise(2 * step + 1));
    const auto single = options_.scheme == PathScheme::platen ? Platen{}(ito, retraction, zeta, h, noise(step))
                                                              : Euler{}(slow, retraction, zeta, h, noise(step));
    return {single.point, single.point, single.converged};
  }

  PathEvent event_at(const CoupledPoints<dim>& points) const {
    const bool two_levels = !state_.coarse.empty();
    const bool finite = points.fine.allFinite() && points.coarse.allFinite() &&
                        Vec<dim>(loss_.gradient(points.fine)).allFinite() &&
                        (!two_levels || Vec<dim>(loss_.gradient(points.coarse)).allFinite());
    if (!finite) return PathEvent::not_finite;
    if (!points.converged) return PathEvent::retraction_failed;
    const PathEvent event = monitor_.at(loss_, points.fine);
    return event == PathEvent::none && two_levels ? monitor_.at(loss_, points.coarse) : event;
  }

  void advance_path(std::size_t path, std::int64_t step) {
    if (state_.events[path] != PathEvent::none) return;
    PathEvent event = PathEvent::none;
    try {
      const auto points = next(path, step);
      event = event_at(points);
      if (event == PathEvent::none) {
        state_.positions[path] = points.fine;
        if (!state_.coarse.empty()) state_.coarse[path] = points.coarse;
        if (!state_.second_moments.empty()) state_.second_moments[path] = points.coarse;
        return;
      }
    } catch (const UnstableStep&) {
      event = PathEvent::unstable_step;
    } catch (const NumericalError&) {  // slow_coefficients, at a stage of the scheme that is no minimiser
      event = PathEvent::not_a_minimiser;
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
