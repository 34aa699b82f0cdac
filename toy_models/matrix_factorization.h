#pragma once

#include <cmath>

#include "core/loss.h"
#include "toy_models/dynamic_landscape.h"

namespace quasar {

/// The steps of MatrixFactorization.
struct MatrixFactorizationSteps {
  const double* entries;  ///< of M, column by column
  Eigen::Index n, m, rank;
  double noise_scale;

  QUASAR_HD Eigen::Index size() const { return (n + m) * rank; }
  QUASAR_HD Eigen::Index noise_dim() const { return n * m; }  ///< the entries of M
  QUASAR_HD double noise_amplitude() const { return noise_scale; }
  QUASAR_HD Eigen::Index scratch_rows() const { return 0; }

  template <int Lanes, int Stride = Lanes, class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g, Real*) const {
    const Eigen::Index v_after_u = n * rank * Stride;
    rows::fill<Lanes, Stride>(Real(0), g, (n + m) * rank);
    for (Eigen::Index j = 0; j < m; ++j)
      for (Eigen::Index i = 0; i < n; ++i) {
        Real residual[Lanes];
        const auto minus_entry = static_cast<Real>(-entries[j * n + i]);
        for (int l = 0; l < Lanes; ++l) residual[l] = minus_entry + noise[(j * n + i) * Stride + l];
        const Real *const u = x + i * Stride, *const v = x + v_after_u + j * Stride;  // U_i0 and V_j0
        Real *const gu = g + i * Stride, *const gv = g + v_after_u + j * Stride;
        for (Eigen::Index a = 0; a < rank; ++a)
          rows::add_product<Lanes>(u + a * n * Stride, v + a * m * Stride, residual);
        for (Eigen::Index a = 0; a < rank; ++a) {
          rows::add_product<Lanes>(residual, v + a * m * Stride, gu + a * n * Stride);
          rows::add_product<Lanes>(residual, u + a * n * Stride, gv + a * m * Stride);
        }
      }
  }
};

/// A matrix as a product of two factors, with noise on its entries: a manifold of minimisers in high dimension.
///
///   L(U, V) = |U V^T - M|^2/2,   U (n, r), V (m, r), theta = (vec U, vec V),   S = s2 J^T J     made for this project
///
/// with J the Jacobian of U V^T: every entry of M has its own noise of variance s2. The gradient flow keeps
/// D = U^T U - V^T V (the factors' imbalance). With the noisy residual G a step of size eta makes exactly
///   D <- D + eta^2 (V^T G^T G V - U^T G G^T U),
/// so on the manifold, where E G G^T = m s2 I, the Slow SDE of SGD, Gu et al. 2024 (arXiv:2310.14423), Def. 3.1, has
///   dD/dt = -s2 (m U^T U - n V^T V),
/// the descent of tr H = m |U|^2 + n |V|^2; it is an ODE since the noise has no part along the manifold. For a square M
/// this is dD/dt = -n s2 D, and K times as fast under the Quadratic Synchronization Rule (Def. 3.3).
///
/// cost  gradient 4nmr, covariance and Hessian O(nmr^2) and the d^2 entries, third derivative O(nmr^2);  d = (n + m) r
/// Not checked: that M has rank r, and U and V too; otherwise the minimisers are no manifold.
struct MatrixFactorization {
  static constexpr int dim = Eigen::Dynamic;
  using Point = Vec<dim>;
  using Matrix = Mat<dim>;

  Matrix target;             ///< M, (n, m)
  Eigen::Index rank = 1;     ///< r
  double noise_scale = 1.0;  ///< sqrt(s2) of the total batch

  Eigen::Index size() const { return (target.rows() + target.cols()) * rank; }
  Matrix left(const Point& x) const { return x.head(target.rows() * rank).reshaped(target.rows(), rank); }
  Matrix right(const Point& x) const { return x.tail(target.cols() * rank).reshaped(target.cols(), rank); }
  static Point joined(const Matrix& u, const Matrix& v) {
    Point x(u.size() + v.size());
    x << u.reshaped(), v.reshaped();
    return x;
  }
  Matrix residual(const Point& x) const { return left(x) * right(x).transpose() - target; }

  template <class Placed>
  MatrixFactorizationSteps steps(const Placed& placed) const {
    return {placed(target.data(), target.size()), target.rows(), target.cols(), rank, noise_scale};
  }

  double value(const Point& x) const { return 0.5 * residual(x).squaredNorm(); }
  Point gradient(const Point& x) const {
    const Matrix r = residual(x);
    return joined(r * right(x), r.transpose() * left(x));
  }
  Matrix hessian(const Point& x) const {
    Matrix h = jacobian_gram(x);
    const Matrix r = residual(x);
    for (Eigen::Index a = 0; a < rank; ++a) {
      h.block(row_u(0, a), row_v(0, a), target.rows(), target.cols()) += r;
      h.block(row_v(0, a), row_u(0, a), target.cols(), target.rows()) += r.transpose();
    }
    return h;
  }
  /// sum_ij 2 F_ij s J_ij + <F_ij, s> J_ij with F_ij the Hessian of (U V^T)_ij, which joins U_ia to V_ja.
  Point third_derivative(const Point& x, const Matrix& general) const {
    const Matrix s = 0.5 * (general + general.transpose()), u = left(x), v = right(x);
    Matrix du = Matrix::Zero(u.rows(), rank), dv = Matrix::Zero(v.rows(), rank);
    for (Eigen::Index i = 0; i < u.rows(); ++i)
      for (Eigen::Index j = 0; j < v.rows(); ++j) {
        double joint = 0.0;
        for (Eigen::Index a = 0; a < rank; ++a) {
          double moved_u = 0.0, moved_v = 0.0;  // (s J_ij) at U_ia and V_ja
          for (Eigen::Index b = 0; b < rank; ++b) {
            moved_u += s(row_u(i, a), row_u(i, b)) * v(j, b) + s(row_u(i, a), row_v(j, b)) * u(i, b);
            moved_v += s(row_v(j, a), row_u(i, b)) * v(j, b) + s(row_v(j, a), row_v(j, b)) * u(i, b);
          }
          du(i, a) += 2 * moved_v;
          dv(j, a) += 2 * moved_u;
          joint += 2 * s(row_u(i, a), row_v(j, a));
        }
        du.row(i) += joint * v.row(j);
        dv.row(j) += joint * u.row(i);
      }
    return joined(du, dv);
  }
  Matrix covariance(const Point& x) const { return noise_scale * noise_scale * jacobian_gram(x); }

  /// D = U^T U - V^T V, (r, r), which the gradient flow keeps.
  Matrix imbalance(const Point& x) const { return left(x).transpose() * left(x) - right(x).transpose() * right(x); }
  /// tr H = m |U|^2 + n |V|^2 on the manifold.
  double trace_of_hessian(const Point& x) const {
    return static_cast<double>(target.cols()) * left(x).squaredNorm() +
           static_cast<double>(target.rows()) * right(x).squaredNorm();
  }
  /// The same after a slow time, for a square M and drift multiplier m (1: SGD, K: QSR), when U = P diag(c_i),
  /// V = Q diag(h_i/c_i) with M = P diag(h) Q^T its singular value decomposition:
  ///   tr H = n sum_i sqrt(d_i^2 + 4 h_i^2),   d_i = (c_i^2 - h_i^2/c_i^2) e^(-n s2 m t).
  /// It falls to 2n times the sum of the h_i, the least that any factors of M have.
  double trace_of_hessian_after(const Point& x, double slow_time, double multiplier) const {
    const double n = static_cast<double>(target.rows());
    const Eigen::ArrayXd a = left(x).colwise().squaredNorm(), b = right(x).colwise().squaredNorm();
    const Eigen::ArrayXd d = (a - b) * std::exp(-n * noise_scale * noise_scale * multiplier * slow_time);
    return n * (d.square() + 4 * a * b).sqrt().sum();
  }

 private:
  Eigen::Index row_u(Eigen::Index i, Eigen::Index a) const { return a * target.rows() + i; }
  Eigen::Index row_v(Eigen::Index j, Eigen::Index a) const { return target.rows() * rank + a * target.cols() + j; }
  /// J^T J: (V^T V) x I and (U^T U) x I on the diagonal, V_ja U_ib between U_ia and V_jb.
  Matrix jacobian_gram(const Point& x) const {
    const Matrix u = left(x), v = right(x), uu = u.transpose() * u, vv = v.transpose() * v;
    Matrix gram = Matrix::Zero(size(), size());
    for (Eigen::Index a = 0; a < rank; ++a)
      for (Eigen::Index b = 0; b < rank; ++b) {
        gram.block(row_u(0, a), row_u(0, b), u.rows(), u.rows()).diagonal().setConstant(vv(a, b));
        gram.block(row_v(0, a), row_v(0, b), v.rows(), v.rows()).diagonal().setConstant(uu(a, b));
        const Matrix mixed = u.col(b) * v.col(a).transpose();
        gram.block(row_u(0, a), row_v(0, b), u.rows(), v.rows()) = mixed;
        gram.block(row_v(0, b), row_u(0, a), v.rows(), u.rows()) = mixed.transpose();
      }
    return gram;
  }
};

}  // namespace quasar
