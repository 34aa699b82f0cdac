#pragma once

#include <cmath>
#include <cstdint>

#include "core/elementary.h"
#include "core/loss.h"

namespace quasar {

/// A bowl with noise in its steepness: unlike additive noise it makes the average of Local SGD depend on H.
///
///   L(x) = l x^2/2,   S(x) = v x^2 + s,   Phi = 0                                   this project's toy T10 (derived)
///
/// A worker's gradient is (l + a) x + e with Var a = K v, Var e = K s. For the averages x_r after rounds of H steps
///   E x_{r+1}^2 = [A^H/K + (1 - 1/K) G^H] E x_r^2 + eta^2 s (1 - A^H)/(1 - A),
///   G = (1 - eta l)^2,   A = G + eta^2 K v:
/// A is the growth of one worker's second moment in a step, G that of the product of two workers.
/// Not checked: that l > 0 and A < 1, without which there is no stationary law.
struct MultiplicativeQuadratic {
  static constexpr int dim = 1;
  static constexpr int noise_dim = 2;

  double eigenvalue = 1.0;            ///< l
  double eigenvalue_deviation = 0.5;  ///< sqrt(v), of the batch of total size B
  double noise_scale = 1.0;           ///< sqrt(s)

  template <class Real>
  QUASAR_HD void gradient(const Real* x, Real* g) const {
    g[0] = static_cast<Real>(eigenvalue) * x[0];
  }

  template <class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g) const {
    const Real steepness =
        fused_multiply_add(static_cast<Real>(eigenvalue_deviation), noise[0], static_cast<Real>(eigenvalue));
    g[0] = fused_multiply_add(steepness, x[0], static_cast<Real>(noise_scale) * noise[1]);
  }

  double value(const Vec<1>& x) const { return 0.5 * eigenvalue * x[0] * x[0]; }
  Vec<1> gradient(const Vec<1>& x) const { return eigenvalue * x; }
  Mat<1> hessian(const Vec<1>&) const { return Mat<1>(eigenvalue); }
  Vec<1> third_derivative(const Vec<1>&, const Mat<1>&) const { return Vec<1>::Zero(); }
  Mat<1> covariance(const Vec<1>& x) const {
    return Mat<1>(std::pow(eigenvalue_deviation * x[0], 2) + noise_scale * noise_scale);
  }
  Vec<1> project(const Vec<1>&) const { return Vec<1>::Zero(); }

  /// E of the average's square after some rounds of H steps of size eta from x.
  double second_moment(double x, double learning_rate, std::int64_t sync_period, int num_workers,
                       std::int64_t rounds) const {
    const Round round = one_round(learning_rate, sync_period, num_workers);
    const double stationary = round.added / (1 - round.kept);
    return stationary + std::pow(round.kept, static_cast<double>(rounds)) * (x * x - stationary);
  }
  double stationary_second_moment(double learning_rate, std::int64_t sync_period, int num_workers) const {
    const Round round = one_round(learning_rate, sync_period, num_workers);
    return round.added / (1 - round.kept);
  }

 private:
  struct Round {
    double kept, added;  ///< E x_{r+1}^2 = kept E x_r^2 + added
  };
  Round one_round(double learning_rate, std::int64_t sync_period, int num_workers) const {
    const double eta = learning_rate, workers = num_workers, steps = static_cast<double>(sync_period);
    const double pair = std::pow(1 - eta * eigenvalue, 2);
    const double own = pair + eta * eta * workers * eigenvalue_deviation * eigenvalue_deviation;
    const double own_kept = std::pow(own, steps);
    return {own_kept / workers + (1 - 1 / workers) * std::pow(pair, steps),
            eta * eta * noise_scale * noise_scale * (1 - own_kept) / (1 - own)};
  }
};

}  // namespace quasar
