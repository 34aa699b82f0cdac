#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace quasar {

/// psi(x) = (e^{-x} - 1 + x) / x, psi(0) = 0: increases from 0 to 1.      Gu et al. 2023 (arXiv:2303.01215)
///
/// Relative accuracy 1e-13 for every x >= 0, without cancellation near 0.
double psi(double x);

/// F(x) = integral of psi from 0 to x = x - (gamma_E + ln x + E_1(x)); relative accuracy 1e-12 (x >= 0).
double psi_integral(double x);

/// The decay of a pair of modes in one step: 1 - rho, rho = (1 - eta l_i)(1 - eta l_j), formed without cancellation.
double pair_decay(double learning_rate, double lambda_i, double lambda_j);

/// psi at finite step size: psi_disc = 1 - (1 - rho^H) / (H (1 - rho)).
///
/// The mean over a round of H steps of a worker's covariance about the average, in units of (K - 1) times the
/// stationary covariance M of the average. Exactly 0 at H = 1; tends to psi(eta H (l_i + l_j)) as eta -> 0.
///
/// decay    1 - rho of the pair, in (0, 2)
/// returns  relative accuracy 1e-12
double psi_disc(double decay, std::int64_t sync_period);

/// Second moments of a pair (i, j) of modes under momentum, m <- b m + g, x <- x - eta m, per unit covariance S_ij.
struct MomentumMoments {
  double stationary;  ///< of the average: E x_i x_j, per S_ij
  double psi;         ///< mean over a round of a worker's E x_i x_j about the average, in units of (K - 1) stationary
};

/// The above where an average sets all positions equal and leaves each worker its own velocity, in the periodic state.
///
/// x and m of the pair follow the 2 x 2 matrices [[1 - eta l, -eta b], [l, b]]; b = 0 gives eta/(l_i + l_j - eta l_i l_j)
/// and psi_disc. Exactly psi = 0 at H = 1; tends to psi(eta H (l_i + l_j)/(1 - b)) for eta -> 0 and (1 - b) H >> 1.
///                                                                                            (derived, on a quadratic)
/// lambda_i, lambda_j  at least one of them positive
/// cost                log2 H products of 6 x 6 matrices
MomentumMoments momentum_moments(double learning_rate, double momentum, double lambda_i, double lambda_j,
                                 std::int64_t sync_period);

/// Weight of the drift of the pair (i, j) of Hessian modes relative to SGD's: one per regime of the Slow SDEs.
namespace drift_weights {

/// SGD, or Local SGD with H = 1: weight 1.                                 Gu et al. 2024 (arXiv:2310.14423), Def. 3.1
struct Sgd {};
/// Local SGD with eta H = round_time: weight 1 + (K - 1) psi(eta H (l_i + l_j)).        Def. 3.2 (beta = eta H)
struct LocalSgd {
  double round_time;
};
/// The limit of the Quadratic Synchronization Rule: weight K.                           Def. 3.3
struct Quadratic {};
/// Finite (eta, H): weight [1 + (K - 1) psi_disc] (l_i + l_j) / (l_i + l_j - eta l_i l_j), exact on a quadratic.
/// With momentum b the same from momentum_moments, in units of the effective rate eta/(1 - b); slow time is its squares'.
struct FiniteStep {
  double learning_rate;
  std::int64_t sync_period;
  double momentum = 0.0;
};

}  // namespace drift_weights

/// One of the regimes above together with the number of workers K.
struct DriftWeights {
  std::variant<drift_weights::Sgd, drift_weights::LocalSgd, drift_weights::Quadratic, drift_weights::FiniteStep> regime;
  int num_workers = 1;

  /// Weight of the pair of eigenvalues (l_i, l_j), of which at least one is positive.
  ///
  /// throws  UnstableStep at finite (eta, H) if eta l >= 2 (1 + b) for one of them
  double operator()(double lambda_i, double lambda_j) const;
};

}  // namespace quasar
