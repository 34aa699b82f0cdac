#include "sde/label_noise.h"

#include <variant>

#include <boost/math/quadrature/gauss_kronrod.hpp>

namespace quasar {
namespace {

/// The integral of the weight of the pair (l, l) from 0 to lambda.
double integral_of_weight(double lambda, const DriftWeights& weights) {
  if (std::holds_alternative<drift_weights::Sgd>(weights.regime)) return lambda;
  if (std::holds_alternative<drift_weights::Quadratic>(weights.regime)) return weights.num_workers * lambda;
  if (const auto* local = std::get_if<drift_weights::LocalSgd>(&weights.regime)) {
    const double twice = 2.0 * local->round_time;
    return lambda + (weights.num_workers - 1.0) * psi_integral(twice * lambda) / twice;
  }
  constexpr unsigned kMostHalvings = 20;
  constexpr double kTolerance = 1e-11;
  return boost::math::quadrature::gauss_kronrod<double, 31>::integrate([&](double l) { return weights(l, l); }, 0.0,
                                                                       lambda, kMostHalvings, kTolerance);
}

}  // namespace

double label_noise_potential(const Eigen::VectorXd& lambda, const LabelNoise& noise, const DriftWeights& weights) {
  double sum = 0.0;
  for (const double l : lambda)
    if (l > 0.0) sum += integral_of_weight(l, weights);
  return 0.25 * noise.strength() * sum;
}

}  // namespace quasar
