#include "toy_models/convex_loss.h"

#include <cmath>

#include <gtest/gtest.h>

#include "core/errors.h"
#include "tests/toy_models/convex_for_tests.h"

namespace quasar {
namespace {

using Kind = ConvexLoss::Kind;

class ConvexLosses : public testing::TestWithParam<std::tuple<Kind, bool>> {
 protected:
  ConvexLoss loss_ = random_convex_loss(std::get<0>(GetParam()), 40, 6, 0.05, std::get<1>(GetParam()));
  Eigen::VectorXd x_ = Eigen::VectorXd::LinSpaced(6, -1.0, 0.8);
};
INSTANTIATE_TEST_SUITE_P(All, ConvexLosses,
                         testing::Combine(testing::Values(Kind::logistic, Kind::ridge), testing::Bool()));

TEST_P(ConvexLosses, GradientAndHessianAreThoseOfFiniteDifferences) {
  const Eigen::VectorXd g = loss_.gradient(x_), curvatures = loss_.curvatures(x_);
  constexpr double kStep = 1e-5;
  for (int i = 0; i < 6; ++i) {
    const Eigen::VectorXd e = Eigen::VectorXd::Unit(6, i);
    const Eigen::VectorXd up = x_ + kStep * e, down = x_ - kStep * e;
    EXPECT_NEAR(g[i], (loss_.value(up) - loss_.value(down)) / (2 * kStep), 1e-9);
    const Eigen::VectorXd difference = (loss_.gradient(up) - loss_.gradient(down)) / (2 * kStep);
    EXPECT_LT((loss_.hessian_times(curvatures, e) - difference).norm(), 1e-9);
  }
}

TEST_P(ConvexLosses, SamplesAddUpToTheGradientAndItsSecondMoment) {
  Eigen::VectorXd mean = Eigen::VectorXd::Zero(6);
  double square = 0.0;
  for (int i = 0; i < 40; ++i) {
    Eigen::VectorXd sample = loss_.strong_convexity() * x_;
    loss_.add_row(i, loss_.slope(i, x_), sample);
    mean += sample / 40;
    square += sample.squaredNorm() / 40;
  }
  EXPECT_LT((mean - loss_.gradient(x_)).norm(), 1e-14);
  EXPECT_NEAR(square, loss_.mean_square_gradient(x_), 1e-13 * square);
}

TEST_P(ConvexLosses, CurvatureIsBetweenItsBounds) {
  const Eigen::VectorXd curvatures = loss_.curvatures(x_);
  for (int i = 0; i < 6; ++i) {
    const double along = loss_.hessian_times(curvatures, Eigen::VectorXd::Unit(6, i))[i];
    EXPECT_GE(along, loss_.strong_convexity());
    EXPECT_LE(along, loss_.smoothness());
  }
}

TEST_P(ConvexLosses, MinimumIsCertainTo1eMinus12) {
  const ConvexOptimum optimum = minimize(loss_);
  EXPECT_LE(optimum.gap, 1e-12);
  EXPECT_LE(optimum.iterations, 20);
  for (int i = 0; i < 6; ++i)
    for (const double step : {-1e-3, 1e-3})
      EXPECT_GT(loss_.value(optimum.x + step * Eigen::VectorXd::Unit(6, i)), optimum.value + 1e-9);
}

TEST(ConvexLossSolution, OfRidgeIsThatOfTheNormalEquations) {
  ConvexLoss::Dense a(3, 2);
  a << 1, 2, -1, 0.5, 3, 0;
  const Eigen::Vector3d y(1, -2, 0.5);
  const ConvexLoss loss(a, y, Kind::ridge, 0.1);
  const Eigen::Matrix2d h = a.transpose() * a / 3 + 0.1 * Eigen::Matrix2d::Identity();
  const Eigen::Vector2d solution = h.ldlt().solve(a.transpose() * y / 3);
  EXPECT_LT((minimize(loss).x - solution).norm(), 1e-6);
  EXPECT_NEAR(minimize(loss).value, loss.value(solution), 1e-12);
}

TEST(ConvexLossSolution, OfHardLogisticProblemsIsFoundToo) {
  // Separable labels and a tiny regularization: the minimum is far away and full Newton steps from 0 pass over it.
  const ConvexLoss loss = random_convex_loss(Kind::logistic, 12, 6, 1e-7, true);
  const ConvexOptimum optimum = minimize(loss);
  EXPECT_LE(optimum.gap, 1e-12);
  EXPECT_GT(optimum.x.norm(), 10.0);
}

TEST(ConvexLoss, ExtremeOutputsDoNotOverflow) {
  ConvexLoss::Dense a(2, 1);
  a << 1.0, 1.0;
  const ConvexLoss loss(a, Eigen::Vector2d(1, -1), Kind::logistic, 1e-3);
  const Eigen::VectorXd far = Eigen::VectorXd::Constant(1, 5000.0);
  EXPECT_NEAR(loss.value(far), 2500.0 + 0.5e-3 * 25e6, 1e-8);
  EXPECT_NEAR(loss.gradient(far)[0], 0.5 + 5.0, 1e-12);
}

TEST(ConvexLoss, RefusesWhatIsNoProblem) {
  const ConvexLoss::Dense a = ConvexLoss::Dense::Ones(2, 1);
  EXPECT_THROW(ConvexLoss(a, Eigen::VectorXd::Ones(3), Kind::ridge, 0.1), ConfigError);
  EXPECT_THROW(ConvexLoss(a, Eigen::VectorXd::Zero(2), Kind::logistic, 0.1), ConfigError);
  EXPECT_THROW(ConvexLoss(a, Eigen::VectorXd::Ones(2), Kind::ridge, 0.0), ConfigError);
}

}  // namespace
}  // namespace quasar
