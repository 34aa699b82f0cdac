#include "core/drift_factors.h"

#include <cmath>
#include <numbers>

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

double DriftWeights::operator()(double lambda_i, double lambda_j) const {
  const double extra_workers = num_workers - 1.0;
  if (std::holds_alternative<drift_weights::Sgd>(regime)) return 1.0;
  if (std::holds_alternative<drift_weights::Quadratic>(regime)) return num_workers;
  if (const auto* local = std::get_if<drift_weights::LocalSgd>(&regime))
    return 1.0 + extra_workers * psi(local->round_time * (lambda_i + lambda_j));
  const auto& finite = std::get<drift_weights::FiniteStep>(regime);
  const double decay = pair_decay(finite.learning_rate, lambda_i, lambda_j);
  const double stationary = finite.learning_rate * (lambda_i + lambda_j) / decay;
  return (1.0 + extra_workers * psi_disc(decay, finite.sync_period)) * stationary;
}

}  // namespace quasar
