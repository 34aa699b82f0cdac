#pragma once

#include <cmath>

#include "core/elementary.h"
#include "core/loss.h"

namespace quasar {

/// A valley along the z axis whose steep and shallow directions turn like a screw, at constant steepness.
///
///   L = e^(2w + w^2/2) (l1 u^2 + l2 v^2)/2,   w = c^2 (x^2 + y^2),   S = diag(sx2, sy2, sz2)
///   u = x cos cz + y sin cz,   v = y cos cz - x sin cz                           made for this project (derived)
///   Phi = (0, 0, z - c G u v/(1 + w)),   G = (l1 - l2)/(l1 + l2)
///
/// On the axis the Hessian has the constant eigenvalues l1, l2, 0 and the directions e1 of u, e2 of v, with e1' = c e2
/// and e2' = -c e1, so D3L[M]_z = 2 c (l1 - l2) M_12: the drift -(1/2) D3L[m_ij S_ij/(l_i + l_j)]_z comes from the
/// off-diagonal pair (1, 2) alone. With S_12 = -(1/2) (sx2 - sy2) sin 2cz the Slow SDEs of Gu et al. 2024
/// (arXiv:2310.14423), Defs. 3.1-3.3, become
///   dz = (c G/2) m (sx2 - sy2) sin(2cz) dt + sqrt(sz2) dW,   m = 1, 1 + (K - 1) psi(eta H (l1 + l2)), K.
///
/// The factor e^(2w + w^2/2) is there for Phi's closed form: by L_u, L_v and the screw's symmetry the flow has
/// d/dt [uv/(1 + w)] = -(l1 + l2) uv e^(2w + w^2/2), and dz/dt = -L_z = -c (l1 - l2) uv e^(2w + w^2/2).
struct TurningValley {
  static constexpr int dim = 3;
  static constexpr int noise_dim = 3;

  double stiffness_u = 4.0;    ///< l1
  double stiffness_v = 1.0;    ///< l2
  double turn_rate = 1.0;      ///< c, radians per unit of z
  double noise_scale_x = 1.0;  ///< sqrt(sx2)
  double noise_scale_y = 0.5;  ///< sqrt(sy2)
  double noise_scale_z = 0.5;  ///< sqrt(sz2)

  template <class Real>
  QUASAR_HD void gradient(const Real* x, Real* g) const {
    const Real l1 = static_cast<Real>(stiffness_u), l2 = static_cast<Real>(stiffness_v);
    const Real c = static_cast<Real>(turn_rate), c2 = c * c;
    Real sine, cosine;
    sine_cosine(c * x[2], sine, cosine);
    const Real u = fused_multiply_add(x[0], cosine, x[1] * sine);
    const Real v = fused_multiply_add(x[1], cosine, -x[0] * sine);
    const Real w = c2 * fused_multiply_add(x[0], x[0], x[1] * x[1]);
    const Real factor = exponential(w * fused_multiply_add(Real(0.5), w, Real(2)));
    const Real pu = l1 * u, pv = l2 * v;
    const Real radial = fused_multiply_add(pu, u, pv * v) * (Real(2) + w) * c2;
    g[0] = factor * fused_multiply_add(pu, cosine, fused_multiply_add(-pv, sine, radial * x[0]));
    g[1] = factor * fused_multiply_add(pu, sine, fused_multiply_add(pv, cosine, radial * x[1]));
    g[2] = factor * c * (l1 - l2) * u * v;
  }

  template <class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g) const {
    gradient(x, g);
    g[0] = fused_multiply_add(static_cast<Real>(noise_scale_x), noise[0], g[0]);
    g[1] = fused_multiply_add(static_cast<Real>(noise_scale_y), noise[1], g[1]);
    g[2] = fused_multiply_add(static_cast<Real>(noise_scale_z), noise[2], g[2]);
  }

  double value(const Vec<3>& x) const {
    const Mode u = mode(x, 0), v = mode(x, 1);
    return factor(x) * 0.5 * (stiffness_u * u.value * u.value + stiffness_v * v.value * v.value);
  }
  Vec<3> gradient(const Vec<3>& x) const {
    Vec<3> g;
    gradient(x.data(), g.data());
    return g;
  }
  Mat<3> hessian(const Vec<3>& x) const { return derivatives(x, Mat<3>::Zero()).hessian; }
  Vec<3> third_derivative(const Vec<3>& x, const Mat<3>& s) const {
    return derivatives(x, 0.5 * (s + s.transpose())).third;
  }
  Mat<3> covariance(const Vec<3>&) const {
    return Vec<3>(noise_scale_x, noise_scale_y, noise_scale_z).cwiseAbs2().asDiagonal();
  }
  Vec<3> project(const Vec<3>& x) const {
    return {0, 0, x[2] - turn_rate * contrast() * mode(x, 0).value * mode(x, 1).value / (1 + spread(x))};
  }

  /// The z component of the drift for a drift multiplier m(l1 + l2); the other components are 0.
  double drift(double z, double multiplier) const {
    return 0.5 * turn_rate * contrast() * multiplier * anisotropy() * std::sin(2 * turn_rate * z);
  }
  /// kappa = m G (sx2 - sy2)/(2 sz2): the stationary density of z modulo pi/c is ~ e^(-kappa cos 2cz).
  double concentration(double multiplier) const {
    return 0.5 * multiplier * contrast() * anisotropy() / (noise_scale_z * noise_scale_z);
  }

 private:
  /// u (which = 0) or v (1) with its first two derivatives.
  struct Mode {
    double value;
    Vec<3> direction, gradient;  ///< direction: e1 or e2
    Mat<3> hessian;
  };
  struct Derivatives {
    Mat<3> hessian;
    Vec<3> third;
  };
  double contrast() const { return (stiffness_u - stiffness_v) / (stiffness_u + stiffness_v); }
  double anisotropy() const { return noise_scale_x * noise_scale_x - noise_scale_y * noise_scale_y; }
  double spread(const Vec<3>& x) const { return turn_rate * turn_rate * (x[0] * x[0] + x[1] * x[1]); }
  double factor(const Vec<3>& x) const { return std::exp(spread(x) * (2 + 0.5 * spread(x))); }
  Mode mode(const Vec<3>& x, int which) const {
    const double s = std::sin(turn_rate * x[2]), c = std::cos(turn_rate * x[2]);
    const Vec<3> along = which == 0 ? Vec<3>(c, s, 0) : Vec<3>(-s, c, 0), next(-along[1], along[0], 0);
    const double value = along.dot(x), slope = turn_rate * next.dot(x);
    Mat<3> hessian = turn_rate * (next * Vec<3>::UnitZ().transpose() + Vec<3>::UnitZ() * next.transpose());
    hessian(2, 2) = -turn_rate * turn_rate * value;
    return {value, along, along + slope * Vec<3>::UnitZ(), hessian};
  }
  /// L = e^f Q by the product rule, with Q = (l1 u^2 + l2 v^2)/2 and f = 2w + w^2/2; s is symmetric.
  Derivatives derivatives(const Vec<3>& x, const Mat<3>& s) const {
    const double c2 = turn_rate * turn_rate, w = spread(x);
    const Vec<3> across(x[0], x[1], 0), df = 2 * c2 * (2 + w) * across;
    const Mat<3> plane = Vec<3>(1, 1, 0).asDiagonal();
    const Mat<3> ddf = 2 * c2 * (2 + w) * plane + 4 * c2 * c2 * across * across.transpose();
    const Vec<3> dddf = 4 * c2 * c2 * (plane.cwiseProduct(s).sum() * across + 2 * plane * s * across);
    double q = 0;
    Vec<3> dq = Vec<3>::Zero(), dddq = Vec<3>::Zero();
    Mat<3> ddq = Mat<3>::Zero();
    for (const int which : {0, 1}) {
      const double l = which == 0 ? stiffness_u : stiffness_v;
      const auto [value, along, d, dd] = mode(x, which);
      const Vec<3> ddd = -c2 * (s(2, 2) * d + 2 * along.dot(s.col(2)) * Vec<3>::UnitZ());
      q += 0.5 * l * value * value;
      dq += l * value * d;
      ddq += l * (d * d.transpose() + value * dd);
      dddq += l * (2 * dd * s * d + dd.cwiseProduct(s).sum() * d + value * ddd);
    }
    const Mat<3> f_part = df * df.transpose() + ddf;
    const Mat<3> hessian = ddq + df * dq.transpose() + dq * df.transpose() + q * f_part;
    const Vec<3> f_third = df * f_part.cwiseProduct(s).sum() + 2 * ddf * s * df + dddf;
    const Vec<3> third = q * f_third + f_part.cwiseProduct(s).sum() * dq + 2 * f_part * s * dq + 2 * ddq * s * df +
                         ddq.cwiseProduct(s).sum() * df + dddq;
    return {0.5 * factor(x) * (hessian + hessian.transpose()), factor(x) * third};
  }
};

}  // namespace quasar
