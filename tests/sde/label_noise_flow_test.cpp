#include "sde/label_noise_flow.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/estimate.h"
#include "sde/slow_coefficients.h"
#include "toy_models/hyperbola.h"

namespace quasar {
namespace {

/// T7 as an interpolating model: f(u, v) = uv fits the single label 1.
class ProductModel final : public InterpolatingModel {
 public:
  Eigen::Index num_samples() const override { return 1; }
  Eigen::VectorXd residual(const Eigen::VectorXd& t) const override {
    return Eigen::VectorXd::Constant(1, t[0] * t[1] - 1.0);
  }
  Eigen::MatrixXd jacobian(const Eigen::VectorXd& t) const override { return Eigen::RowVector2d(t[1], t[0]); }
  Eigen::VectorXd hessian_products(const Eigen::VectorXd&, const Eigen::MatrixXd& v) const override {
    return Eigen::Vector2d(v(0, 1), v(0, 0));
  }
};

/// T8: f_i = <z_i, u.u - v.v> with signs z, overparametrised; theta = (u, v).
class DiagonalNet final : public InterpolatingModel {
 public:
  DiagonalNet(Eigen::MatrixXd z, Eigen::VectorXd y) : z_(std::move(z)), y_(std::move(y)) {}
  Eigen::Index num_samples() const override { return z_.rows(); }
  Eigen::VectorXd residual(const Eigen::VectorXd& t) const override {
    return z_ * (t.head(dim()).cwiseAbs2() - t.tail(dim()).cwiseAbs2()) - y_;
  }
  Eigen::MatrixXd jacobian(const Eigen::VectorXd& t) const override {
    Eigen::MatrixXd j(z_.rows(), 2 * dim());
    j << 2.0 * z_ * t.head(dim()).asDiagonal(), -2.0 * z_ * t.tail(dim()).asDiagonal();
    return j;
  }
  Eigen::VectorXd hessian_products(const Eigen::VectorXd&, const Eigen::MatrixXd& v) const override {
    Eigen::VectorXd sum(2 * dim());
    sum << 2.0 * z_.cwiseProduct(v.leftCols(dim())).colwise().sum().transpose(),
        -2.0 * z_.cwiseProduct(v.rightCols(dim())).colwise().sum().transpose();
    return sum;
  }

 private:
  Eigen::Index dim() const { return z_.cols(); }
  Eigen::MatrixXd z_;
  Eigen::VectorXd y_;
};

constexpr LabelNoise kNoise{0.8, 2.0};  // delta, B: s2 = delta^2/B = 0.32

Eigen::VectorXd flow(const InterpolatingModel& model, Eigen::VectorXd zeta, const DriftWeights& weights, double time,
                     int steps) {
  for (int i = 0; i < steps; ++i) zeta = label_noise_step(model, zeta, kNoise, weights, time / steps);
  return zeta;
}

DiagonalNet diagonal_net() {
  Eigen::MatrixXd z(3, 8);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 8; ++j) z(i, j) = (i * 5 + j * j + i * j) % 3 == 0 ? -1.0 : 1.0;
  return {z, Eigen::Vector3d(0.7, -0.4, 0.2)};
}

// u^2 - v^2 = w0 e^{-s2 t} for SGD and w0 e^{-K s2 t} for QSR
TEST(LabelNoiseFlow, OnTheHyperbolaIsTheClosedForm) {
  const ProductModel model;
  const Eigen::Vector2d start(2.0, 0.5);
  for (const int multiplier : {1, 4}) {
    const DriftWeights weights =
        multiplier == 1 ? DriftWeights{drift_weights::Sgd{}, 4} : DriftWeights{drift_weights::Quadratic{}, 4};
    const Eigen::VectorXd end = flow(model, start, weights, 1.5, 200);
    EXPECT_NEAR(end[0] * end[0] - end[1] * end[1], 3.75 * std::exp(-multiplier * 0.32 * 1.5), 2e-5);
  }
}

// u_j v_j (t) = u_j v_j (0) e^{-4 s2 t} for every j, whatever n and d
TEST(LabelNoiseFlow, ContractsTheProductsOfADiagonalNetAlike) {
  const DiagonalNet model = diagonal_net();
  const Interpolation start = interpolate(model, Eigen::VectorXd::LinSpaced(16, 0.4, 1.1));
  ASSERT_TRUE(start.converged);
  const Eigen::VectorXd end = flow(model, start.theta, {drift_weights::Sgd{}, 4}, 0.5, 200);
  for (int j = 0; j < 8; ++j)
    EXPECT_NEAR(end[j] * end[j + 8] / (start.theta[j] * start.theta[j + 8]), std::exp(-4.0 * 0.32 * 0.5), 2e-5);
  EXPECT_LT(model.residual(end).norm(), 1e-10);
}

TEST(LabelNoiseStep, HasOrderTwo) {
  const ProductModel model;
  std::vector<double> steps, errors;
  for (const int n : {4, 8, 16, 32}) {
    const Eigen::VectorXd end = flow(model, Eigen::Vector2d(2.0, 0.5), {drift_weights::Sgd{}, 4}, 1.5, n);
    steps.push_back(1.5 / n);
    errors.push_back(end[0] * end[0] - end[1] * end[1] - 3.75 * std::exp(-0.32 * 1.5));
  }
  const double order = fit_order(steps, errors).slope;
  EXPECT_GT(order, 1.8);
  EXPECT_LT(order, 2.4);
}

TEST(LabelNoiseDrift, EqualsTheGeneralCoefficientsInEveryRegime) {
  const Hyperbola hyperbola{std::sqrt(0.32)};
  const ProductModel model;
  const Vec<2> zeta(2.0, 0.5);
  for (const DriftWeights& weights :
       {DriftWeights{drift_weights::Sgd{}, 4}, DriftWeights{drift_weights::LocalSgd{0.2}, 4},
        DriftWeights{drift_weights::Quadratic{}, 4}, DriftWeights{drift_weights::FiniteStep{0.05, 7}, 4}}) {
    const auto ambient = slow_coefficients(hyperbola, hyperbola.covariance(zeta), zeta, weights);
    EXPECT_NEAR((label_noise_drift(model, zeta, kNoise, weights) - ambient.drift).norm(), 0.0, 1e-9);
  }
}

TEST(LabelNoiseDrift, IsTangent) {
  const DiagonalNet model = diagonal_net();
  const Eigen::VectorXd zeta = interpolate(model, Eigen::VectorXd::LinSpaced(16, 0.4, 1.1)).theta;
  const Eigen::VectorXd drift = label_noise_drift(model, zeta, kNoise, {drift_weights::LocalSgd{0.1}, 4});
  EXPECT_GT(drift.norm(), 1e-3);
  EXPECT_NEAR((model.jacobian(zeta) * drift).norm(), 0.0, 1e-12);
}

TEST(Interpolation, SaysWhenItDoesNotConverge) {
  EXPECT_FALSE(interpolate(ProductModel{}, Eigen::Vector2d(30.0, 20.0), 1e-12, 2).converged);
}

// On a quadratic mode the second moments of theory 9.0 are exact; summed here step by step.
TEST(Predictions, AreTheSecondMomentsOfAQuadratic) {
  const double eta = 0.1, lambda = 1.3;
  const SampleSpectrum spectrum{Eigen::VectorXd::Constant(1, lambda), Eigen::MatrixXd::Identity(1, 1)};
  const double s = kNoise.deviation * kNoise.deviation * lambda / kNoise.batch_size;  // S = delta^2 H / B
  double moment = 0.0, dispersion = 0.0;
  const double rho = (1.0 - eta * lambda) * (1.0 - eta * lambda);
  for (int step = 0; step < 2000; ++step) moment = rho * moment + eta * eta * s;
  for (int step = 0; step < 9; ++step) dispersion = rho * dispersion + eta * eta * 3.0 * s;  // worker noise (K-1) S
  EXPECT_NEAR(predicted_train_loss(spectrum, kNoise, eta), 0.5 * lambda * moment, 1e-14);
  EXPECT_NEAR(predicted_dispersion(spectrum, kNoise, eta, 9, 4), dispersion, 1e-14);
}

}  // namespace
}  // namespace quasar
