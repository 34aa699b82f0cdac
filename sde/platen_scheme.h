#pragma once

#include <cmath>
#include <concepts>
#include <functional>

#include <Eigen/Dense>

#include "sde/hessian_modes.h"
#include "sde/schemes.h"

namespace quasar {

/// Drift and diffusion of an Ito SDE in R^d whose solution stays on the manifold by itself.
template <int Dim>
struct ItoCoefficients {
  Vec<Dim> drift;      ///< with its normal part, per unit slow time
  Mat<Dim> diffusion;  ///< symmetric square root of Sigma_par / B
};

template <class C, int Dim>
concept ItoCoefficientField = requires(const C& coefficients, const Vec<Dim>& zeta) {
  { coefficients(zeta) } -> std::same_as<ItoCoefficients<Dim>>;
};

/// For which Platen's scheme is compiled once a dimension.
template <int Dim>
using ItoCoefficientFunction = std::function<ItoCoefficients<Dim>(const Vec<Dim>& zeta)>;

/// Ito drift of a Slow SDE in R^d: the tangent drift and the normal one that keeps the solution on the manifold.
///
///   a(zeta) = P b - (1/2) H^+ D3L[Sigma_par]         (grad L = 0 along the manifold, differentiated twice; derived)
///
/// loss, zeta      a point on the manifold, (d)
/// slow            slow_coefficients there
/// rank_tolerance  eigenvalues of the Hessian below it times the largest are tangent
/// cost            one d x d symmetric eigendecomposition and one third derivative
/// Not checked: that zeta lies on the manifold; that slow.diffusion is tangent, without which no such formula holds.
template <Loss L>
Vec<L::dim> ito_drift(const L& loss, const Vec<L::dim>& zeta, const SlowCoefficients<L::dim>& slow,
                      double rank_tolerance = 1e-6) {
  const Vec<L::dim> force = loss.third_derivative(zeta, Mat<L::dim>(slow.diffusion * slow.diffusion.transpose()));
  constexpr int kDim = kCompiledDim<L::dim>;
  const Vec<kDim> in_basis = force;
  return slow.drift - 0.5 * split_modes<kDim>(loss.hessian(zeta), rank_tolerance).apply_inverse(in_basis);
}

/// slow_coefficients with ito_drift as a field; loss and noise must outlive it.
template <class L, class Noise>
requires Loss<L> && GradientNoise<Noise, L::dim>
auto ito_coefficient_field(const L& loss, const Noise& noise, const DriftWeights& weights) {
  return [&loss, &noise, weights](const Vec<L::dim>& zeta) {
    const auto slow = slow_coefficients(loss, Mat<L::dim>(noise.covariance(zeta)), zeta, weights);
    return ItoCoefficients<L::dim>{ito_drift(loss, zeta, slow), slow.diffusion};
  };
}

/// Platen's explicit scheme of weak order 2 for multi-dimensional noise, every stage and the result retracted.
///
///   y' = y + (1/2)(a(Y) + a) h
///      + (1/4) sum_j [ (b_j(R_j+) + b_j(R_j-) + 2 b_j) dW_j + sum_{r != j} (b_j(U_r+) + b_j(U_r-) - 2 b_j) dW_j ]
///      + (1/4) sum_j [ (b_j(R_j+) - b_j(R_j-)) (dW_j^2 - h)
///                      + sum_{r != j} (b_j(U_r+) - b_j(U_r-)) (dW_j dW_r + V_rj) ] h^{-1/2}
///   Y = y + a h + sum_j b_j dW_j,   R_j+- = y + a h +- b_j h^{1/2},   U_r+- = y +- b_r h^{1/2}
///                                                                            Kloeden and Platen 1992, eq. (15.1.3)
///
/// b_j is column j of the diffusion and h the time step. A retracted stage means the coefficients a(R(y)), b(R(y)), a
/// smooth extension off the manifold, whose values there do not matter.
/// The noise needs the moments of N(0, 1) up to the fifth (highest_weak_order(law) >= 2) and the area signs V/h.
///
/// cost  4d + 2 evaluations of the coefficients and 4d + 2 retractions
struct Platen {
  static constexpr const char* name = "Platen";
  static constexpr int weak_order = 2;

  template <int Dim, class Coefficients, class Retract>
  requires ItoCoefficientField<Coefficients, Dim> && Retraction<Retract, Dim> Projection<Dim>
  operator()(const Coefficients& coefficients, const Retract& retraction, const Vec<Dim>& zeta, double time_step,
             const StepNoise<Dim>& noise) const {
    using Vector = Vec<Dim>;
    using Matrix = Mat<Dim>;
    const double root = std::sqrt(time_step);
    const Vector& xi = noise.increments;
    const auto [drift, diffusion] = coefficients(zeta);
    const Vector drifted = zeta + drift * time_step;

    Projection<Dim> stage{zeta, 0, true};
    // after a retraction that failed, the rest of the round is computed in vain at the last good point
    const auto at = [&](const Vector& x) {
      const auto next = retraction(zeta, x);
      stage = {next.converged ? next.point : zeta, stage.steps + next.steps, stage.converged && next.converged};
      return coefficients(stage.point);
    };

    Vector step = 0.5 * time_step * (drift + at(drifted + diffusion * (root * xi)).drift);
    for (Eigen::Index r = 0; r < zeta.size() && stage.converged; ++r) {
      const Vector along = root * diffusion.col(r);
      const Vector forward = at(drifted + along).diffusion.col(r), backward = at(drifted - along).diffusion.col(r);
      step += 0.25 * root *
              ((forward + backward + 2.0 * diffusion.col(r)) * xi[r] + (forward - backward) * (xi[r] * xi[r] - 1.0));
      const Matrix up = at(zeta + along).diffusion, down = at(zeta - along).diffusion;
      Vector single = xi, twice = xi * xi[r] + noise.area_signs.row(r).transpose();
      single[r] = twice[r] = 0.0;
      step += 0.25 * root * ((up + down - 2.0 * diffusion) * single + (up - down) * twice);
    }
    const auto last = retraction(zeta, Vector(zeta + step));
    return {last.point, stage.steps + last.steps, stage.converged && last.converged};
  }
};

#define QUASAR_DECLARE(DIM)                                                                                   \
  extern template Projection<DIM> Platen::operator()(const ItoCoefficientFunction<DIM>&,                      \
                                                     const RetractionFunction<DIM>&, const Vec<DIM>&, double, \
                                                     const StepNoise<DIM>&) const;
QUASAR_FOR_EACH_DIMENSION(QUASAR_DECLARE)
#undef QUASAR_DECLARE

}  // namespace quasar
