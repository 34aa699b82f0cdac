#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "core/jet_loss.h"
#include "tests/laws/any_landscape.h"

namespace quasar {

/// The laws, in loss_laws.cpp; each is the test below of the same name.
namespace laws {

using Points = std::vector<Eigen::VectorXd>;

/// Ten points around `centre`.
Points points_near(const Eigen::VectorXd& centre, double spread);

void gradient_is_the_derivative_of_the_value(const AnyLoss& loss, const Points& points);
void hessian_is_the_symmetric_derivative_of_the_gradient(const AnyLoss& loss, const Points& points);
void third_derivative_is_the_derivative_of_the_contracted_hessian(const AnyLoss& loss, const Points& points);
void analytic_derivatives_are_those_of(const AnyLoss& jets, const AnyLoss& loss, const Points& points);

void projection_is_idempotent_and_ends_in_minimisers(const AnyLandscape& landscape, const Points& points);
void projection_is_constant_along_the_gradient_flow_and_its_limit(const AnyLandscape& landscape, const Points& points);
void on_minimisers_the_hessian_has_its_rank(const AnyLandscape& landscape, Eigen::Index rank, const Points& points);
void noisy_gradient_has_the_stated_covariance(const AnyLandscape& landscape, const Points& points);
void a_step_is_that_of_the_noisy_gradient(const AnyLandscape& landscape, const Points& points);
void float_and_double_are_one_formula(const AnyLandscape& landscape, const Points& points);

}  // namespace laws

/// Laws of every loss. A case names the loss, a point near its minimisers and more, as each suite says.
template <class Case>
class LossLaws : public testing::Test {
 protected:
  using L = decltype(Case::landscape());
  const LossOf<L> loss{Case::landscape()};
  const laws::Points points = laws::points_near(Case::near(), Case::spread);
};

TYPED_TEST_SUITE_P(LossLaws);

TYPED_TEST_P(LossLaws, GradientIsTheDerivativeOfTheValue) {
  laws::gradient_is_the_derivative_of_the_value(this->loss, this->points);
}
TYPED_TEST_P(LossLaws, HessianIsTheSymmetricDerivativeOfTheGradient) {
  laws::hessian_is_the_symmetric_derivative_of_the_gradient(this->loss, this->points);
}
TYPED_TEST_P(LossLaws, ThirdDerivativeIsTheDerivativeOfTheContractedHessian) {
  laws::third_derivative_is_the_derivative_of_the_contracted_hessian(this->loss, this->points);
}

REGISTER_TYPED_TEST_SUITE_P(LossLaws, GradientIsTheDerivativeOfTheValue, HessianIsTheSymmetricDerivativeOfTheGradient,
                            ThirdDerivativeIsTheDerivativeOfTheContractedHessian);

/// Analytic derivatives against those of the case's own `template <class Real> static Real value(const Real* x)`.
template <class Case>
class JetLaws : public LossLaws<Case> {};

TYPED_TEST_SUITE_P(JetLaws);

TYPED_TEST_P(JetLaws, AnalyticDerivativesAreThoseOfTheFormulaThroughJets) {
  const LossOf<JetLoss<TypeParam, TestFixture::L::dim>> jets{{}};
  laws::analytic_derivatives_are_those_of(jets, this->loss, this->points);
}

REGISTER_TYPED_TEST_SUITE_P(JetLaws, AnalyticDerivativesAreThoseOfTheFormulaThroughJets);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(JetLaws);  // a landscape that is made of jets has no analytic ones

/// Laws of every landscape with its projection in closed form. A case also gives the Hessian's rank on the minimisers.
template <class Case>
class LandscapeLaws : public testing::Test {
 protected:
  const LandscapeOf<decltype(Case::landscape())> landscape{Case::landscape()};
  const laws::Points points = laws::points_near(Case::near(), Case::spread);
};

TYPED_TEST_SUITE_P(LandscapeLaws);

TYPED_TEST_P(LandscapeLaws, ProjectionIsIdempotentAndEndsInMinimisers) {
  laws::projection_is_idempotent_and_ends_in_minimisers(this->landscape, this->points);
}
TYPED_TEST_P(LandscapeLaws, ProjectionIsConstantAlongTheGradientFlowAndItsLimit) {
  laws::projection_is_constant_along_the_gradient_flow_and_its_limit(this->landscape, this->points);
}
TYPED_TEST_P(LandscapeLaws, OnMinimisersTheHessianHasItsRankAndTheProjectionProjectsOnItsKernel) {
  laws::on_minimisers_the_hessian_has_its_rank(this->landscape, TypeParam::rank, this->points);
}
TYPED_TEST_P(LandscapeLaws, NoisyGradientIsTheGradientPlusNoiseOfTheStatedCovariance) {
  laws::noisy_gradient_has_the_stated_covariance(this->landscape, this->points);
}
TYPED_TEST_P(LandscapeLaws, AStepIsThatOfTheNoisyGradient) {
  laws::a_step_is_that_of_the_noisy_gradient(this->landscape, this->points);
}
TYPED_TEST_P(LandscapeLaws, FloatAndDoubleAreOneFormula) {
  laws::float_and_double_are_one_formula(this->landscape, this->points);
}

REGISTER_TYPED_TEST_SUITE_P(LandscapeLaws, ProjectionIsIdempotentAndEndsInMinimisers,
                            ProjectionIsConstantAlongTheGradientFlowAndItsLimit,
                            OnMinimisersTheHessianHasItsRankAndTheProjectionProjectsOnItsKernel,
                            NoisyGradientIsTheGradientPlusNoiseOfTheStatedCovariance, AStepIsThatOfTheNoisyGradient,
                            FloatAndDoubleAreOneFormula);

}  // namespace quasar
