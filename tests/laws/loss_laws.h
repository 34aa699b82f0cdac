#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "core/jet_loss.h"
#include "core/loss.h"
#include "core/random.h"
#include "toy_models/landscape.h"

namespace quasar {

/// Points and differences for the laws. A case names the loss, a point near its minimisers and more, as each suite says.
template <class Case>
class LossLaws : public testing::Test {
 protected:
  using L = decltype(Case::landscape());
  static constexpr int dim = L::dim;
  using Point = Vec<dim>;
  using Matrix = Mat<dim>;

  const L landscape = Case::landscape();
  const Eigen::Index size = Case::near().size();

  static std::vector<Point> points() {
    std::vector<Point> result;
    for (std::uint32_t p = 0; p < 10; ++p) {
      Point point = Case::near();
      for (Eigen::Index i = 0; i < point.size(); ++i) {
        float z[4];
        normals({11, Use::toy_noise, p, 0, static_cast<std::uint32_t>(i / 4)}, z);
        point[i] += Case::spread * z[i % 4];
      }
      result.push_back(point);
    }
    return result;
  }
  static Matrix symmetric_matrix(std::uint32_t name) {
    const auto size = static_cast<std::uint32_t>(Case::near().size());
    Matrix s(size, size);
    for (std::uint32_t i = 0; i < size; ++i)
      for (std::uint32_t j = 0; j < size; ++j) {
        float z[4];
        normals({12, Use::toy_noise, name, i * size + j}, z);
        s(i, j) = z[0];
      }
    return s + s.transpose();
  }
  /// Central difference along axis i; its error is below 1e-8 for functions of size and derivatives of order 1.
  template <class F>
  static auto difference(const F& f, const Point& x, Eigen::Index i) -> decltype(f(x)) {
    constexpr double kStep = 1e-5;
    const Point e = kStep * Point::Unit(x.size(), i);
    return (f(Point(x + e)) - f(Point(x - e))) / (2 * kStep);
  }
};

TYPED_TEST_SUITE_P(LossLaws);

TYPED_TEST_P(LossLaws, GradientIsTheDerivativeOfTheValue) {
  for (const auto& x : this->points()) {
    const typename TestFixture::Point gradient = this->landscape.gradient(x);
    for (Eigen::Index i = 0; i < this->size; ++i) {
      const double slope = this->difference([&](const auto& p) { return this->landscape.value(p); }, x, i);
      EXPECT_NEAR(gradient[i], slope, 1e-7);
    }
  }
}

TYPED_TEST_P(LossLaws, HessianIsTheSymmetricDerivativeOfTheGradient) {
  using V = typename TestFixture::Point;
  for (const auto& x : this->points()) {
    const typename TestFixture::Matrix hessian = this->landscape.hessian(x);
    EXPECT_EQ(hessian, hessian.transpose());
    for (Eigen::Index i = 0; i < this->size; ++i) {
      const V column = this->difference([&](const V& p) -> V { return this->landscape.gradient(p); }, x, i);
      EXPECT_LT((hessian.col(i) - column).norm(), 1e-7);
    }
  }
}

TYPED_TEST_P(LossLaws, ThirdDerivativeIsTheDerivativeOfTheContractedHessian) {
  for (std::uint32_t name = 0; const auto& x : this->points()) {
    const auto s = this->symmetric_matrix(name++);
    const typename TestFixture::Point third = this->landscape.third_derivative(x, s);
    for (Eigen::Index i = 0; i < this->size; ++i) {
      const auto contracted = [&](const auto& p) { return this->landscape.hessian(p).cwiseProduct(s).sum(); };
      EXPECT_NEAR(third[i], this->difference(contracted, x, i), 1e-6);
    }
  }
}

REGISTER_TYPED_TEST_SUITE_P(LossLaws, GradientIsTheDerivativeOfTheValue, HessianIsTheSymmetricDerivativeOfTheGradient,
                            ThirdDerivativeIsTheDerivativeOfTheContractedHessian);

/// Analytic derivatives against those of the case's own `template <class Real> static Real value(const Real* x)`.
template <class Case>
class JetLaws : public LossLaws<Case> {};

TYPED_TEST_SUITE_P(JetLaws);

TYPED_TEST_P(JetLaws, AnalyticDerivativesAreThoseOfTheFormulaThroughJets) {
  const JetLoss<TypeParam, TestFixture::dim> jets;
  for (std::uint32_t name = 0; const auto& x : this->points()) {
    const auto s = this->symmetric_matrix(name++);
    const typename TestFixture::Matrix hessian = jets.hessian(x);
    const typename TestFixture::Point gradient = jets.gradient(x), third = jets.third_derivative(x, s);
    EXPECT_EQ(hessian, hessian.transpose());
    EXPECT_NEAR(this->landscape.value(x), jets.value(x), 1e-13 * (1 + jets.value(x)));
    EXPECT_LT((this->landscape.gradient(x) - gradient).norm(), 1e-13 * (1 + hessian.norm()));
    EXPECT_LT((this->landscape.hessian(x) - hessian).norm(), 1e-13 * (1 + hessian.norm()));
    EXPECT_LT((this->landscape.third_derivative(x, s) - third).norm(), 1e-13 * (1 + third.norm() + s.norm()));
  }
}

REGISTER_TYPED_TEST_SUITE_P(JetLaws, AnalyticDerivativesAreThoseOfTheFormulaThroughJets);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(JetLaws);  // a landscape that is made of jets has no analytic ones

/// Laws of every landscape with its projection in closed form. A case also gives the Hessian's rank on the minimisers.
template <class Case>
class LandscapeLaws : public LossLaws<Case> {
 protected:
  using typename LossLaws<Case>::Point;
  using LossLaws<Case>::landscape;

  /// The gradient flow for some time, by classical Runge-Kutta.
  Point flow(Point x, double time) const {
    constexpr double kStep = 0.01;
    for (double t = 0; t < time; t += kStep) {
      const Point k1 = -landscape.gradient(x), k2 = -landscape.gradient(Point(x + 0.5 * kStep * k1));
      const Point k3 = -landscape.gradient(Point(x + 0.5 * kStep * k2)),
                  k4 = -landscape.gradient(Point(x + kStep * k3));
      x += kStep / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
    }
    return x;
  }
};

TYPED_TEST_SUITE_P(LandscapeLaws);

TYPED_TEST_P(LandscapeLaws, ProjectionIsIdempotentAndEndsInMinimisers) {
  using V = typename TestFixture::Point;
  for (const auto& x : this->points()) {
    const V projected = this->landscape.project(x);
    EXPECT_LT((this->landscape.project(projected) - projected).norm(), 1e-14);
    EXPECT_LT(this->landscape.gradient(projected).norm(), 1e-13);
    EXPECT_LT(this->landscape.value(projected), 1e-26);
  }
}

TYPED_TEST_P(LandscapeLaws, ProjectionIsConstantAlongTheGradientFlowAndItsLimit) {
  using V = typename TestFixture::Point;
  for (const auto& x : this->points()) {
    const V projected = this->landscape.project(x);
    EXPECT_LT((this->landscape.project(this->flow(x, 0.5)) - projected).norm(), 1e-8);
    EXPECT_LT((this->flow(x, 60.0) - projected).norm(), 1e-7);
  }
}

TYPED_TEST_P(LandscapeLaws, OnMinimisersTheHessianHasItsRankAndTheProjectionProjectsOnItsKernel) {
  using V = typename TestFixture::Point;
  using M = typename TestFixture::Matrix;
  for (const auto& x : this->points()) {
    const V zeta = this->landscape.project(x);
    const Eigen::SelfAdjointEigenSolver<M> eigen(this->landscape.hessian(zeta));
    M tangent = M::Zero();
    for (int i = 0; i < this->dim; ++i) {
      if (i < this->dim - TypeParam::rank) {
        EXPECT_NEAR(eigen.eigenvalues()[i], 0.0, 1e-12);
        tangent += eigen.eigenvectors().col(i) * eigen.eigenvectors().col(i).transpose();
      } else {
        EXPECT_GT(eigen.eigenvalues()[i], 0.1);
      }
    }
    for (int i = 0; i < this->dim; ++i) {
      const V column = this->difference([&](const V& p) -> V { return this->landscape.project(p); }, zeta, i);
      EXPECT_LT((column - tangent.col(i)).norm(), 1e-7);
    }
  }
}

TYPED_TEST_P(LandscapeLaws, NoisyGradientIsTheGradientPlusNoiseOfTheStatedCovariance) {
  using V = typename TestFixture::Point;
  using M = typename TestFixture::Matrix;
  constexpr int kNoiseDim = TestFixture::L::noise_dim;
  for (const auto& x : this->points()) {
    const V gradient = this->landscape.gradient(x);
    M covariance = M::Zero();  // the noisy gradient is affine in its normals
    for (int j = -1; j < kNoiseDim; ++j) {
      double noise[kNoiseDim] = {};
      if (j >= 0) noise[j] = noise_amplitude(this->landscape, j);
      V noisy;
      this->landscape.noisy_gradient(x.data(), noise, noisy.data());
      covariance += (noisy - gradient) * (noisy - gradient).transpose();
    }
    EXPECT_LT((covariance - this->landscape.covariance(x)).norm(), 1e-13);
  }
}

TYPED_TEST_P(LandscapeLaws, AStepIsThatOfTheNoisyGradient) {
  using V = typename TestFixture::Point;
  constexpr int kNoiseDim = TestFixture::L::noise_dim;
  constexpr double kEta = 0.07;
  for (const auto& x : this->points()) {
    double noise[kNoiseDim];
    for (int j = 0; j < kNoiseDim; ++j) noise[j] = 0.3 * j - 0.4;
    V gradient, to;
    this->landscape.noisy_gradient(x.data(), noise, gradient.data());
    noisy_step(this->landscape, x.data(), noise, -kEta, to.data());
    EXPECT_LT((to - (x - kEta * gradient)).norm(), 1e-15 * (1.0 + x.norm() + gradient.norm()));
  }
}

TYPED_TEST_P(LandscapeLaws, FloatAndDoubleAreOneFormula) {
  using V = typename TestFixture::Point;
  for (const auto& x : this->points()) {
    const Eigen::Matrix<float, TestFixture::dim, 1> x_float = x.template cast<float>();
    Eigen::Matrix<float, TestFixture::dim, 1> g;
    this->landscape.gradient(x_float.data(), g.data());
    EXPECT_LT((g.template cast<double>() - this->landscape.gradient(V(x_float.template cast<double>()))).norm(), 1e-5);
  }
}

REGISTER_TYPED_TEST_SUITE_P(LandscapeLaws, ProjectionIsIdempotentAndEndsInMinimisers,
                            ProjectionIsConstantAlongTheGradientFlowAndItsLimit,
                            OnMinimisersTheHessianHasItsRankAndTheProjectionProjectsOnItsKernel,
                            NoisyGradientIsTheGradientPlusNoiseOfTheStatedCovariance, AStepIsThatOfTheNoisyGradient,
                            FloatAndDoubleAreOneFormula);

}  // namespace quasar
