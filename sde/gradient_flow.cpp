#include "sde/gradient_flow.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <vector>

#include <boost/numeric/odeint/stepper/controlled_runge_kutta.hpp>
#include <boost/numeric/odeint/stepper/generation.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_dopri5.hpp>

namespace quasar {
namespace {

constexpr double kStabilityLimit = 3.3;  // of Dormand-Prince: step * lambda_max

}  // namespace

template <int Dim>
Projection<Dim> project_by_gradient_flow(const std::function<Vec<Dim>(const Vec<Dim>&)>& gradient, const Vec<Dim>& x,
                                         const GradientFlowOptions& options) {
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
    const double stiffness = kStabilityLimit / step;  // near the manifold: there nothing but stability bounds the step
    if (slope <= std::max(options.gradient_tolerance, 2.0 * options.step_tolerance * stiffness))
      return {point, steps, true};
    const bool hopeless = !std::isfinite(slope) || steps >= options.most_steps || time > options.longest_time;
    if (hopeless) return {point, steps, false};
    stepper.try_step(flow, state, time, step);
    ++steps;
  }
}

#define QUASAR_DEFINE(DIM)                                                                                \
  template Projection<DIM> project_by_gradient_flow<DIM>(const std::function<Vec<DIM>(const Vec<DIM>&)>&, \
                                                         const Vec<DIM>&, const GradientFlowOptions&);
QUASAR_FOR_EACH_DIMENSION(QUASAR_DEFINE)

}  // namespace quasar
