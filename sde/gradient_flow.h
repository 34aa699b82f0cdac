#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <Eigen/Dense>
#include <boost/numeric/odeint/stepper/controlled_runge_kutta.hpp>
#include <boost/numeric/odeint/stepper/generation.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_dopri5.hpp>

#include "core/loss.h"

namespace quasar {

/// A point brought back to the minimiser manifold; the caller decides what an unconverged one means.
template <int Dim>
struct Projection {
  Vec<Dim> point;
  std::int64_t steps;
  bool converged;
};

struct GradientFlowOptions {
  double gradient_tolerance = 1e-9;  ///< stop when |grad L| is below it; must stay above step_tolerance * lambda_max
  double step_tolerance = 1e-12;     ///< relative and absolute error of a step; the flow keeps an error of this size
  double first_step = 1e-2;
  double longest_time = 1e9;
  std::int64_t most_steps = 100000;
};

/// Gradient-flow projection Phi(x) = lim_{s -> inf} x(s), dx/ds = -grad L(x): the definition, and the oracle of
/// every cheaper retraction.                                    Li, Wang, Arora 2021 (arXiv:2110.06914), Def. 4.1
///
/// gradient  callable (d) -> (d)
/// x         starting point, (d)
/// returns   the last point, and whether |grad L| fell below the tolerance; never throws for a point that does not
/// cost      six gradients a Dormand-Prince step (Boost.Odeint); the step is bounded by 3.3 / lambda_max
/// Not checked: that the flow's limit is a minimiser rather than a saddle.
template <int Dim, std::invocable<const Vec<Dim>&> Gradient>
Projection<Dim> project_by_gradient_flow(const Gradient& gradient, const Vec<Dim>& x,
                                         const GradientFlowOptions& options = {}) {
  using State = std::conditional_t<Dim == Eigen::Dynamic, std::vector<double>,
                                   std::array<double, static_cast<std::size_t>(Dim == Eigen::Dynamic ? 1 : Dim)>>;
  const auto as_vector = [&](const State& state) { return Eigen::Map<const Vec<Dim>>(state.data(), x.size()); };
  const auto flow = [&](const State& state, State& derivative, double) {
    Eigen::Map<Vec<Dim>>(derivative.data(), x.size()) = -gradient(Vec<Dim>(as_vector(state)));
  };
  namespace odeint = boost::numeric::odeint;
  auto stepper =
      odeint::make_controlled(options.step_tolerance, options.step_tolerance, odeint::runge_kutta_dopri5<State>());
  State state{};
  if constexpr (Dim == Eigen::Dynamic) state.resize(static_cast<std::size_t>(x.size()));
  Eigen::Map<Vec<Dim>>(state.data(), x.size()) = x;
  double time = 0.0;
  double step = options.first_step;
  std::int64_t steps = 0;
  for (;;) {
    const Vec<Dim> point = as_vector(state);
    const double slope = gradient(point).norm();
    if (slope <= options.gradient_tolerance) return {point, steps, true};
    const bool hopeless = !std::isfinite(slope) || steps >= options.most_steps || time > options.longest_time;
    if (hopeless) return {point, steps, false};
    stepper.try_step(flow, state, time, step);
    ++steps;
  }
}

/// The same for a Loss.
template <Loss L>
Projection<L::dim> project_by_gradient_flow(const L& loss, const Vec<L::dim>& x,
                                            const GradientFlowOptions& options = {}) {
  return project_by_gradient_flow<L::dim>([&loss](const Vec<L::dim>& y) { return Vec<L::dim>(loss.gradient(y)); }, x,
                                          options);
}

}  // namespace quasar
