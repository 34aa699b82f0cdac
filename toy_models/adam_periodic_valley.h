#pragma once

#include <cmath>
#include <limits>
#include <numbers>

#include "core/drift_factors.h"
#include "toy_models/periodic_valley.h"

namespace quasar {

/// What Adam's slow dynamics become on the periodic valley, where SGD's law has kappa = sx2/(2 sy2).
///
///   dy = -(sx/(4 sy)) (m(y)/K) sin y dt + dW/sqrt K,   m(y) = 1 + (K - 1) psi(2 eta H l(y)/sqrt(K sx2))
///                              this project's toy T13b (derived from Li, Wen, Lyu 2025, arXiv:2511.02773)
///
/// with a second moment for each of the K workers, which are averaged every H steps; K = 1 is data-parallel Adam.
/// Where m is constant (1: K = 1, K: eta H -> infinity) the law of y mod 2 pi is von Mises, kappa = m sx/(2 sy).
struct AdamPeriodicValley {
  PeriodicValley valley;
  int num_workers = 1;                                          ///< K
  double round_time = std::numeric_limits<double>::infinity();  ///< eta H; infinite: the Quadratic Synchronization Rule

  double multiplier(double y) const {
    if (std::isinf(round_time)) return num_workers;
    const double preconditioner = 1 / (std::sqrt(static_cast<double>(num_workers)) * valley.noise_scale_x);
    return 1 + (num_workers - 1) * psi(2 * round_time * preconditioner * std::exp(-std::cos(y)));
  }
  double drift(double y) const {
    return -0.25 * valley.noise_scale_x / valley.noise_scale_y * multiplier(y) / num_workers * std::sin(y);
  }
  double variance() const { return 1.0 / num_workers; }

  /// E cos y of the stationary law, density ~ exp(integral of 2 drift/variance); error below 1e-6 for kappa up to 4.
  double mean_cosine() const {
    constexpr int kCells = 4000;
    constexpr double kWidth = 2 * std::numbers::pi / kCells;
    double exponent = 0, sum = 0, cosine = 0;
    for (int i = 0; i < kCells; ++i) {
      const double y = (i + 0.5) * kWidth - std::numbers::pi;
      const double half_a_cell = kWidth * drift(y) / variance();
      exponent += half_a_cell;
      sum += std::exp(exponent);
      cosine += std::exp(exponent) * std::cos(y);
      exponent += half_a_cell;
    }
    return cosine / sum;
  }
};

}  // namespace quasar
