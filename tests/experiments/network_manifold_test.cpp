#include "experiments/network_manifold.h"

#include <gtest/gtest.h>

#include "distributed/data/procedural_images.h"
#include "sde/gradient_flow.h"

namespace quasar {
namespace {

struct Problem {
  RegressionSet data;
  TanhMlp network;
  NetworkManifold manifold;
  Eigen::VectorXd theta;
};

Problem problem_with(const std::vector<int>& classes) {
  const RegressionSet data = make_regression_set(procedural_images(Split::train, 200), classes, 6);
  const TanhMlp network(data.features, 5, data.outputs);
  return {data, network, NetworkManifold(network, data), to_eigen(network.start_parameters(3, at::kDouble))};
}

class NetworkManifoldTest : public testing::TestWithParam<std::vector<int>> {};

TEST_P(NetworkManifoldTest, JacobianIsTheDerivativeOfTheResidual) {
  const Problem p = problem_with(GetParam());
  const Eigen::VectorXd direction = to_eigen(p.network.start_parameters(8, at::kDouble));
  const double h = 1e-5;
  const Eigen::VectorXd difference =
      (p.manifold.residual(p.theta + h * direction) - p.manifold.residual(p.theta - h * direction)) / (2 * h);
  EXPECT_LT((p.manifold.jacobian(p.theta) * direction - difference).norm(), 1e-7 * difference.norm());
}

TEST_P(NetworkManifoldTest, HessianProductsAreTheDerivativeOfTheJacobian) {
  const Problem p = problem_with(GetParam());
  const Eigen::MatrixXd directions = p.manifold.jacobian(to_eigen(p.network.start_parameters(9, at::kDouble)));
  // sum_i Hess f_i d_i by differences of each row of J along its own direction
  Eigen::VectorXd expected = Eigen::VectorXd::Zero(p.theta.size());
  const double h = 1e-5;
  for (Eigen::Index i = 0; i < directions.rows(); ++i) {
    const Eigen::VectorXd d = directions.row(i);
    expected +=
        (p.manifold.jacobian(p.theta + h * d).row(i) - p.manifold.jacobian(p.theta - h * d).row(i)).transpose() /
        (2 * h);
  }
  EXPECT_LT((p.manifold.hessian_products(p.theta, directions) - expected).norm(), 1e-6 * expected.norm());
}

TEST_P(NetworkManifoldTest, LossGradientIsJacobianTimesResidual) {
  const Problem p = problem_with(GetParam());
  const Eigen::VectorXd expected =
      p.manifold.jacobian(p.theta).transpose() * p.manifold.residual(p.theta) / p.data.count;
  EXPECT_LT((p.manifold.loss_gradient(p.theta) - expected).norm(), 1e-12 * expected.norm());
}

TEST_P(NetworkManifoldTest, DriftKeepsTheFitAndLowersTheTrace) {
  const Problem p = problem_with(GetParam());
  const Interpolation start = interpolate(p.manifold, p.theta);
  ASSERT_TRUE(start.converged);
  const LabelNoise noise{0.5, 4.0};
  const Eigen::VectorXd next = label_noise_step(p.manifold, start.theta, noise, {drift_weights::Sgd{}, 4}, 0.05);
  EXPECT_LT(p.manifold.residual(next).norm(), 1e-10);
  EXPECT_LT(p.manifold.jacobian(next).norm(), p.manifold.jacobian(start.theta).norm());
  EXPECT_EQ(p.manifold.accuracy(next, p.data), 1.0);
}

INSTANTIATE_TEST_SUITE_P(OneOutputAndSeveral, NetworkManifoldTest,
                         testing::Values(std::vector<int>{0, 5}, std::vector<int>{0, 3, 6}));

TEST(GaussNewton, IsTheGradientFlowToFirstOrderNearTheManifold) {
  const Problem p = problem_with({0, 5});
  const Eigen::VectorXd zeta = interpolate(p.manifold, p.theta).theta;
  const Eigen::VectorXd off = zeta + 1e-3 * p.manifold.jacobian(zeta).transpose().rowwise().sum().normalized();
  GradientFlowOptions options;
  options.gradient_tolerance = 1e-8;
  const auto flow = project_by_gradient_flow<Eigen::Dynamic>(
      [&](const Eigen::VectorXd& x) { return p.manifold.loss_gradient(x); }, off, options);
  ASSERT_TRUE(flow.converged);
  EXPECT_LT((interpolate(p.manifold, off).theta - flow.point).norm(), 2e-5);  // second order in 1e-3
}

}  // namespace
}  // namespace quasar
