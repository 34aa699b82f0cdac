#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/errors.h"
#include "sde/noise_law.h"
#include "sde/one_dimensional.h"
#include "sde/schemes.h"

namespace quasar {

/// One of the places that a step can go to.
struct StepOutcome {
  double probability, coordinate;
};

/// The step of a scheme as an operator on functions of the coordinate: (T u)(q) = E u(q'), (n, n).
///
/// T^n g are the expectations after n steps from every node, so a weak error is measured without sampling.
/// step  the outcomes of a step from q
/// Not checked: that the probabilities sum to 1, and that the grid resolves u(q').
template <class Step>
Eigen::MatrixXd transition_operator(const SpectralGrid& grid, const Step& step) {
  Eigen::MatrixXd result = Eigen::MatrixXd::Zero(grid.nodes.size(), grid.nodes.size());
  for (Eigen::Index i = 0; i < grid.nodes.size(); ++i)
    for (const auto& [probability, coordinate] : step(grid.nodes[i]))
      result.row(i) += probability * grid.interpolation(coordinate);
  return result;
}

/// Atoms of a noise law: all of them, or those of the Gauss-Hermite rule with ten nodes for N(0, 1).
inline QuadratureRule atoms_of(NoiseLaw law) {
  if (law == NoiseLaw::two_point) return {Eigen::Vector2d(-1, 1), Eigen::Vector2d(0.5, 0.5)};
  if (law == NoiseLaw::three_point)
    return {Eigen::Vector3d(-std::sqrt(3.0), 0, std::sqrt(3.0)), Eigen::Vector3d(1, 4, 1) / 6.0};
  return gauss_hermite(10);
}

/// The law of sum_of_halves.
inline QuadratureRule halves_of(NoiseLaw law) {
  const QuadratureRule half = atoms_of(law);
  if (law == NoiseLaw::gaussian) return half;
  const Eigen::Index n = half.nodes.size();
  const auto all_pairs = [n](const auto& f) {
    return Eigen::VectorXd::NullaryExpr(n * n, [n, f](Eigen::Index k) { return f(k / n, k % n); }).eval();
  };
  return {all_pairs([&](Eigen::Index i, Eigen::Index j) { return (half.nodes[i] + half.nodes[j]) / std::sqrt(2.0); }),
          all_pairs([&](Eigen::Index i, Eigen::Index j) { return half.weights[i] * half.weights[j]; })};
}

/// Every outcome of a step's noise with its probability, given the law of an increment; area signs only where the scheme
/// looks at them.
///
/// returns  a^d outcomes for a atoms, times 2^(d(d-1)/2) with area signs
template <int Dim>
std::vector<std::pair<double, StepNoise<Dim>>> noise_outcomes(const QuadratureRule& increment, bool area_signs) {
  std::vector<std::pair<double, StepNoise<Dim>>> all{{1.0, {Vec<Dim>::Zero(), Mat<Dim>::Zero()}}};
  const auto branch = [&all](const QuadratureRule& rule, const auto& assign) {
    for (const auto before = std::exchange(all, {}); const auto& [probability, noise] : before)
      for (Eigen::Index a = 0; a < rule.nodes.size(); ++a) {
        all.emplace_back(probability * rule.weights[a], noise);
        assign(all.back().second, rule.nodes[a]);
      }
  };
  for (int j = 0; j < Dim; ++j) {
    branch(increment, [j](StepNoise<Dim>& noise, double value) { noise.increments[j] = value; });
    for (int i = 0; area_signs && i < j; ++i)
      branch(atoms_of(NoiseLaw::two_point), [i, j](StepNoise<Dim>& noise, double value) {
        noise.area_signs(i, j) = value;
        noise.area_signs(j, i) = -value;
      });
  }
  return all;
}

/// transition_operator of an ambient scheme with its retraction on a manifold that is a curve.
///
/// throws  NumericalError if a retraction does not converge
/// cost    n times the number of noise_outcomes steps of the scheme
template <int Dim, class Scheme, class Coefficients, class Retract>
Eigen::MatrixXd transition_operator(const SpectralGrid& grid, const ManifoldCurve<Dim>& curve, const Scheme& scheme,
                                    const Coefficients& coefficients, const Retract& retraction,
                                    const QuadratureRule& increment, double time_step) {
  const auto noises = noise_outcomes<Dim>(increment, Scheme::weak_order > 1);
  return transition_operator(grid, [&](double q) {
    std::vector<StepOutcome> outcomes;
    for (const auto& [probability, noise] : noises) {
      const auto next = scheme(coefficients, retraction, curve.point(q), time_step, noise);
      if (!next.converged)
        throw NumericalError("exact propagation: a retraction from q = " + std::to_string(q) + " does not converge");
      outcomes.push_back({probability, curve.coordinate(next.point)});
    }
    return outcomes;
  });
}

}  // namespace quasar
