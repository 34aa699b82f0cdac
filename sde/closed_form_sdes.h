#pragma once

#include "core/elementary.h"
#include "core/loss.h"

/// Slow SDEs whose coefficients and retraction are formulas, as systems of advance_paths.
namespace quasar {

/// The Slow SDE on the circle (toy_models/circle.h): S = diag(a2, b2), constant stiffness.
///
///   zeta' = R( zeta + dt m (a2 - b2) x y t + sqrt(dt) sqrt(a2 y^2 + b2 x^2) xi t ),  t = (-y, x),  R(z) = z/|z|
///
/// with the drift multiplier m = 1, 1 + (K-1) psi(eta H lambda) or K.   Gu et al. 2024 (arXiv:2310.14423), Def. 3.1-3.3
struct CircleSlowSde {
  static constexpr int dim = 2, noise_dim = 1;
  double variance_x = 1.0, variance_y = 1.0;  ///< a2, b2
  double multiplier = 1.0;                    ///< m

  template <class Real, int Lanes>
  QUASAR_HD void step(Real (&z)[2][Lanes], const Real (&xi)[1][Lanes], Real time_step, Real) const {
    const Real difference = time_step * static_cast<Real>(variance_x - variance_y);
    const Real pull = difference * static_cast<Real>(multiplier), least = time_step * static_cast<Real>(variance_y);
    for (int lane = 0; lane < Lanes; ++lane) {
      const Real x = z[0][lane], y = z[1][lane];
      // dt (a2 y^2 + b2 x^2) on the circle
      const Real spread = fast_square_root(fused_multiply_add(difference * y, y, least));
      const Real along = fused_multiply_add(pull * x, y, spread * xi[0][lane]);
      const Real next_x = fused_multiply_add(-along, y, x), next_y = fused_multiply_add(along, x, y);
      const Real scale = fast_reciprocal_square_root(fused_multiply_add(next_x, next_x, next_y * next_y));
      z[0][lane] = next_x * scale;
      z[1][lane] = next_y * scale;
    }
  }
};

/// The Slow SDE on the unit sphere (toy_models/sphere.h): Brownian motion, the same in every regime.
///
///   zeta' = R( zeta + sqrt(dt) s (xi - <zeta, xi> zeta) ),  R(z) = z/|z|
template <int Dim>
struct SphereSlowSde {
  static constexpr int dim = Dim, noise_dim = Dim;
  double noise_scale = 1.0;  ///< s

  template <class Real, int Lanes>
  QUASAR_HD void step(Real (&z)[Dim][Lanes], const Real (&xi)[Dim][Lanes], Real, Real root) const {
    const Real size = root * static_cast<Real>(noise_scale);
    Real overlap[Lanes] = {}, squared[Lanes] = {}, scale[Lanes];
    for (int i = 0; i < Dim; ++i)
      for (int lane = 0; lane < Lanes; ++lane)
        overlap[lane] = fused_multiply_add(z[i][lane], xi[i][lane], overlap[lane]);
    for (int i = 0; i < Dim; ++i)
      for (int lane = 0; lane < Lanes; ++lane) {
        const Real keep = fused_multiply_add(-size, overlap[lane], Real(1));
        z[i][lane] = fused_multiply_add(keep, z[i][lane], size * xi[i][lane]);
        squared[lane] = fused_multiply_add(z[i][lane], z[i][lane], squared[lane]);
      }
    for (int lane = 0; lane < Lanes; ++lane) scale[lane] = fast_reciprocal_square_root(squared[lane]);
    for (int i = 0; i < Dim; ++i)
      for (int lane = 0; lane < Lanes; ++lane) z[i][lane] *= scale[lane];
  }
};

}  // namespace quasar
