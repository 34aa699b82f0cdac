#pragma once

#include <cmath>
#include <cstdint>

#include <Eigen/Dense>

#include "core/estimate.h"
#include "core/symmetric_eigen.h"
#include "sde/noise_law.h"
#include "sde/schemes.h"

namespace quasar {

struct CoupledSgdOptions {
  double learning_rate = 0.0;
  std::int64_t sgd_steps_a_step = 1;  ///< m: of SGD in one of the SDE
  std::int64_t steps = 0;             ///< of the SDE, each of slow time m eta^2
  std::int64_t paths = 1;
  std::uint64_t seed = 0;
  NoiseLaw law = NoiseLaw::gaussian;
};

/// An observable of SGD and of its Slow SDE, driven by the same noise.
struct CoupledSgdMeans {
  Estimate sgd, sde, difference;
  double variance_ratio;  ///< of the difference of independent runs to that of coupled ones
  std::int64_t paths_that_left = 0;
};

/// Means of an observable of Phi(x) under SGD and under its Slow SDE, the SDE's noise being the sum of SGD's.
///
///   x' = x - eta (grad L(x) + R(x) z),   xi = -(z_1 + ... + z_m) / sqrt m,
///   zeta' = retract( zeta + b m eta^2 + P R sqrt(m eta^2) xi ),   R = S^{1/2}, P the tangent projector      (derived)
///
/// P R drives the same SDE in law as the symmetric root of Sigma_par, which slow_coefficients gives, but only P R is
/// what SGD's own noise does to first order in eta: with the symmetric root the paths would part where S is not
/// isotropic.
///
/// coefficients, retraction   slow_coefficient_field and a retraction of the loss
/// start                      a point on the manifold, (d)
/// cost                       paths * steps * (m gradients and roots of S, and one Euler step), on one thread
/// Not checked: that the coefficients are those of H = 1 for this loss and noise.
template <class L, class Noise, class Coefficients, class Retract, class Observable>
requires Loss<L> && GradientNoise<Noise, L::dim> CoupledSgdMeans
coupled_sgd_means(const L& loss, const Noise& noise, const Coefficients& coefficients, const Retract& retraction,
                  const Vec<L::dim>& start, const CoupledSgdOptions& options, const Observable& observable) {
  using Vector = Vec<L::dim>;
  using Matrix = Mat<L::dim>;
  const auto root_of = [&noise](const Vector& x) -> Matrix {
    return symmetric_eigen<L::dim>(noise.covariance(x)).operatorSqrt();
  };
  const auto project_tangent = [&loss](const Vector& zeta, const Matrix& root) -> Matrix {
    const auto hessian = symmetric_eigen<L::dim>(loss.hessian(zeta));
    const double threshold = 1e-6 * hessian.eigenvalues().cwiseAbs().maxCoeff();  // as slow_coefficients
    const Vector tangent = hessian.eigenvalues().unaryExpr([&](double l) { return l > threshold ? 0.0 : 1.0; });
    return hessian.eigenvectors() * tangent.asDiagonal() * hessian.eigenvectors().transpose() * root;
  };
  const double eta = options.learning_rate, m = static_cast<double>(options.sgd_steps_a_step);
  RunningMoments sgd, sde, difference;
  CoupledSgdMeans result{};
  for (std::int64_t path = 0; path < options.paths; ++path) {
    Vector x = start, zeta = start;
    bool good = true;
    for (std::int64_t step = 0; step < options.steps && good; ++step) {
      Vector sum = Vector::Zero(start.size());
      for (std::int64_t i = 0; i < options.sgd_steps_a_step; ++i) {
        const std::int64_t named = step * options.sgd_steps_a_step + i;
        const auto z = draw_step_noise<L::dim>(options.law, options.seed, path, named, start.size()).increments;
        x -= eta * (loss.gradient(x) + root_of(x) * z);
        sum -= z / std::sqrt(m);
      }
      const SlowCoefficients<L::dim> slow{coefficients(zeta).drift, project_tangent(zeta, root_of(zeta))};
      const auto next =
          Euler{}([&](const Vector&) { return slow; }, retraction, zeta, m * eta * eta, StepNoise<L::dim>{sum, {}});
      zeta = next.point;
      good = next.converged;
    }
    const auto projected = project_by_gradient_flow(loss, x);
    if (!good || !projected.converged) {
      ++result.paths_that_left;
      continue;
    }
    const double f = observable(projected.point), g = observable(zeta);
    sgd.add(f);
    sde.add(g);
    difference.add(f - g);
  }
  result.sgd = sgd.estimate();
  result.sde = sde.estimate();
  result.difference = difference.estimate();
  result.variance_ratio = (sgd.variance() + sde.variance()) / difference.variance();
  return result;
}

}  // namespace quasar
