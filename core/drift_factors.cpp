#include "core/drift_factors.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <sstream>

#include <Eigen/Dense>

#include "core/effective_rate.h"
#include "core/errors.h"

namespace quasar {

double psi(double x) {
  if (std::abs(x) >= 0.1) return (std::expm1(-x) + x) / x;
  double term = x / 2.0;
  double sum = 0.0;
  for (int k = 2; k <= 11; ++k) {
    sum += term;
    term *= -x / (k + 1);
  }
  return sum;
}

double psi_integral(double x) {
  if (x >= 2.0) return x - (std::numbers::egamma + std::log(x) - std::expint(-x));
  double power = x * x / 2.0;  // x^{k+1} / (k+1)!
  double sum = 0.0;
  for (int k = 1; k <= 25; ++k) {
    sum += power / (k + 1);
    power *= -x / (k + 2);
  }
  return sum;
}

double pair_decay(double learning_rate, double lambda_i, double lambda_j) {
  return learning_rate * (lambda_i + lambda_j - learning_rate * lambda_i * lambda_j);
}

double psi_disc(double decay, std::int64_t sync_period) {
  const auto h = static_cast<double>(sync_period);
  if (sync_period <= 1) return 0.0;
  if (h * decay < 0.1) {
    double term = (h - 1.0) * decay / 2.0;
    double sum = 0.0;
    for (int k = 2; k <= 12; ++k) {
      sum += term;
      term *= -(h - k) * decay / (k + 1);
    }
    return sum;
  }
  const double rho = 1.0 - decay;
  if (rho > 0.0) return 1.0 + std::expm1(h * std::log1p(-decay)) / (h * decay);
  return 1.0 - (1.0 - std::pow(rho, h)) / (h * decay);
}

MomentumMoments momentum_moments(double learning_rate, double momentum, double lambda_i, double lambda_j,
                                 std::int64_t sync_period) {
  const auto step_of = [&](double lambda) {
    Eigen::Matrix2d a;
    a << 1.0 - learning_rate * lambda, -learning_rate * momentum, lambda, momentum;
    return a;
  };
  const Eigen::Matrix2d a_i = step_of(lambda_i), a_j = step_of(lambda_j);
  Eigen::Matrix4d pair;  // of (E x_i x_j, E x_i m_j, E m_i x_j, E m_i m_j)
  for (int row = 0; row < 4; ++row)
    for (int column = 0; column < 4; ++column) pair(row, column) = a_i(row / 2, column / 2) * a_j(row % 2, column % 2);
  const Eigen::Vector4d noise(learning_rate * learning_rate, -learning_rate, -learning_rate, 1.0);
  const double stationary = (Eigen::Matrix4d::Identity() - pair).fullPivLu().solve(noise)[0];

  // a step of (the four moments, the sum of E x_i x_j so far, 1); its H-th power by squaring is free of cancellation
  Eigen::Matrix<double, 6, 6> power = Eigen::Matrix<double, 6, 6>::Zero(), round = power;
  power.topLeftCorner<4, 4>() = pair;
  power.topRightCorner<4, 1>() = noise;
  power(4, 0) = power(4, 4) = power(5, 5) = 1.0;
  round.setIdentity();
  for (std::int64_t left = sync_period; left > 0; left /= 2) {
    if (left % 2 == 1) round = power * round;
    power = power * power;
  }
  const double velocity = round(3, 5) / (1.0 - round(3, 3));  // E m_i m_j at an average: all that survives it
  const double sum = round(4, 5) + velocity * round(4, 3);
  return {stationary, sum / (static_cast<double>(sync_period) * stationary)};
}

namespace {

void require_stable(const drift_weights::FiniteStep& finite, double lambda) {
  if (finite.learning_rate * lambda < 2.0 * (1.0 + finite.momentum)) return;
  std::ostringstream text;
  text << "steps of learning rate " << finite.learning_rate << " blow up in a direction of curvature " << lambda
       << "; they need one below " << 2.0 * (1.0 + finite.momentum) / lambda;
  throw UnstableStep(text.str());
}

}  // namespace

double DriftWeights::operator()(double lambda_i, double lambda_j) const {
  const double extra_workers = num_workers - 1.0;
  if (std::holds_alternative<drift_weights::Sgd>(regime)) return 1.0;
  if (std::holds_alternative<drift_weights::Quadratic>(regime)) return num_workers;
  if (const auto* local = std::get_if<drift_weights::LocalSgd>(&regime))
    return 1.0 + extra_workers * psi(local->round_time * (lambda_i + lambda_j));
  const auto& finite = std::get<drift_weights::FiniteStep>(regime);
  require_stable(finite, std::max(lambda_i, lambda_j));
  if (finite.momentum > 0.0) {
    const auto [moment, factor] =
        momentum_moments(finite.learning_rate, finite.momentum, lambda_i, lambda_j, finite.sync_period);
    return (1.0 + extra_workers * factor) * moment * (lambda_i + lambda_j) /
           effective_rate(finite.learning_rate, finite.momentum);
  }
  const double decay = pair_decay(finite.learning_rate, lambda_i, lambda_j);
  const double stationary = finite.learning_rate * (lambda_i + lambda_j) / decay;
  return (1.0 + extra_workers * psi_disc(decay, finite.sync_period)) * stationary;
}

}  // namespace quasar
