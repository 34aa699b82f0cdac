#include "sde/limiting_diffusion.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "tests/sde/quadratic_constraints.h"
#include "toy_models/turning_valley.h"

namespace quasar {
namespace {

/// Phi by the gradient flow alone, with what the flow leaves across the manifold taken off by Newton steps, which move
/// along it by no more than the square of that.
template <Loss L>
Vec<L::dim> phi(const L& loss, const Vec<L::dim>& x) {
  GradientFlowOptions options;
  options.step_tolerance = 1e-14;
  options.gradient_tolerance = 1e-9;
  const auto flowed = project_by_gradient_flow(loss, x, options);
  NewtonOptions to_the_end;
  to_the_end.gradient_tolerance = 1e-15;
  to_the_end.most_steps = 3;
  EXPECT_TRUE(flowed.converged);
  return project_by_newton(loss, flowed.point, flowed.point, to_the_end).point;
}

/// sum_jk d_j d_k Phi m_jk by central differences of fourth order along the eigenvectors of m; error about 1e-7.
template <Loss L>
Vec<L::dim> second_difference(const L& loss, const Vec<L::dim>& zeta, const Mat<L::dim>& m) {
  constexpr double kStep = 0.01;
  const auto eigen = symmetric_eigen<L::dim>(m);
  Vec<L::dim> sum = Vec<L::dim>::Zero(zeta.size());
  for (Eigen::Index i = 0; i < zeta.size(); ++i) {
    const auto at = [&](double h) { return phi(loss, Vec<L::dim>(zeta + h * kStep * eigen.eigenvectors().col(i))); };
    const Vec<L::dim> near = at(1) + at(-1), far = at(2) + at(-2);
    sum += eigen.eigenvalues()[i] * (16 * near - far - 30 * zeta) / (12 * kStep * kStep);
  }
  return sum;
}

/// Errors of d2Phi[m] against differences of Phi: of the formula, and of the nearest wrong ones.
struct Errors {
  double formula, without_mixed_block, with_half_of_it, with_single_eigenvalues;
};

template <Loss L>
Errors expect_derivatives_of_phi(const L& loss, const Vec<L::dim>& zeta, const Mat<L::dim>& m) {
  using Vector = Vec<L::dim>;
  using Matrix = Mat<L::dim>;
  const auto modes = hessian_modes(loss, zeta, 1e-6);
  const Matrix p = modes.tangent_projector(), n = Matrix::Identity() - p;
  constexpr double kStep = 1e-3;
  for (int i = 0; i < L::dim; ++i) {
    const auto at = [&](double h) { return phi(loss, Vector(zeta + h * kStep * Vector::Unit(i))); };
    const Vector column = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * kStep);
    EXPECT_LT((column - p.col(i)).norm(), 1e-9);
  }

  const Vector error = projection_second_derivative(loss, zeta, m) - second_difference(loss, zeta, m);
  const Matrix half = modes.apply_inverse(n * m * p) / 2;
  const Vector mixed = -2 * p * loss.third_derivative(zeta, Matrix(half + half.transpose()));
  const Matrix right = solve_lyapunov<L::dim>(modes, n * m * n), wrong = modes.apply_inverse(n * m * n) / 2;
  const Vector lyapunov = p * loss.third_derivative(zeta, Matrix(right - (wrong + wrong.transpose()) / 2));
  const Errors errors{error.norm(), (error - mixed).norm(), (error - mixed / 2).norm(), (error + lyapunov).norm()};
  std::printf("errors of d2Phi %.1e; without the mixed block %.3f, half of it %.3f, 1/(2 l_i) %.3f\n", errors.formula,
              errors.without_mixed_block, errors.with_half_of_it, errors.with_single_eigenvalues);
  return errors;
}

TEST(ProjectionDerivatives, AreThoseOfTheGradientFlowInCodimensionTwo) {
  const auto loss = two_constraints_in_four_dimensions();
  for (const Vec<4>& start : {Vec<4>(0.3, 0.1, -0.2, 0.4), Vec<4>(-0.4, 0.8, 0.5, -0.3)}) {
    const Vec<4> zeta = phi(loss, start);
    ASSERT_EQ(hessian_modes(loss, zeta, 1e-6).tangent_dim, 2);
    const Errors errors = expect_derivatives_of_phi(loss, zeta, random_symmetric<4>(3));
    EXPECT_LT(errors.formula, 3e-7);
    EXPECT_GT(errors.without_mixed_block, 0.1);
    EXPECT_GT(errors.with_half_of_it, 0.1);
    EXPECT_GT(errors.with_single_eigenvalues, 0.1);
  }
}

TEST(ProjectionDerivatives, AreThoseOfTheGradientFlowWhereTheEigenvectorsTurn) {
  const TurningValley valley{2.0, 0.7, 0.8, 1.2, 0.5, 0.3};
  const Errors errors = expect_derivatives_of_phi(valley, Vec<3>(0, 0, 0.7), random_symmetric<3>(4));
  EXPECT_LT(errors.formula, 3e-7);
  EXPECT_GT(errors.with_single_eigenvalues, 0.1);  // its eigenvalues are constant: the mixed block is 0
}

// Differentiating Phi(Phi(x)) = Phi(x) and dPhi grad L = 0 at the manifold.
TEST(ProjectionDerivatives, ObeyTheIdentitiesOfAProjection) {
  const auto loss = two_constraints_in_four_dimensions();
  const Vec<4> zeta = phi(loss, Vec<4>(0.3, 0.1, -0.2, 0.4));
  const auto modes = hessian_modes(loss, zeta, 1e-6);
  const Mat<4> p = modes.tangent_projector(), m = random_symmetric<4>(6);
  const Mat<4> hessian = loss.hessian(zeta);
  EXPECT_LT((p * hessian).norm(), 1e-9);
  EXPECT_LT((p * projection_second_derivative(loss, zeta, Mat<4>(p * m * p))).norm(), 1e-10);
  // d2Phi[x, H y] + d2Phi[y, H x] = -P D3L[x, y]
  const Mat<4> mh = m * hessian + hessian * m;
  EXPECT_LT((projection_second_derivative(loss, zeta, mh) + p * loss.third_derivative(zeta, m)).norm(), 1e-8);
}

TEST(LimitingDiffusion, OfSgdIsItsSlowSdeWithTheNormalDriftThatKeepsItOnTheManifold) {
  const DriftWeights sgd{drift_weights::Sgd{}, 4};
  const auto loss = two_constraints_in_four_dimensions();
  const Vec<4> zeta = phi(loss, Vec<4>(-0.4, 0.8, 0.5, -0.3));
  const Mat<4> root = random_symmetric<4>(7), covariance = root * root;
  const auto slow = slow_coefficients(loss, covariance, zeta, sgd);
  const auto limit = limiting_diffusion(loss, covariance, zeta);
  const Mat<4> p = hessian_modes(loss, zeta, 1e-6).tangent_projector();
  EXPECT_GT(slow.drift.norm(), 0.1);
  EXPECT_LT((p * limit.drift - slow.drift).norm(), 1e-10);
  EXPECT_LT((limit.drift - ito_drift(loss, zeta, slow)).norm(), 1e-10);
  EXPECT_GT((limit.drift - p * limit.drift).norm(), 0.1);
  EXPECT_LT((limit.diffusion - slow.diffusion).norm(), 1e-10);
}

}  // namespace
}  // namespace quasar
