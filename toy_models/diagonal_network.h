#pragma once

#include <cmath>

#include "core/elementary.h"
#include "core/errors.h"
#include "core/loss.h"
#include "toy_models/hyperbolic_dual.h"

namespace quasar {

/// A diagonal linear network with label noise: its Slow SDE is an ODE that seeks the sparsest fit, in closed form.
///
///   f_i(u, v) = sum_j z_ij (u_j^2 - v_j^2),   L = (1/2n) sum_i (f_i - y_i)^2,   S = s2 J^T J/n     toy T8 (derived)
///
/// with J the n x 2d Jacobian of f, theta = (u, v) and u, v > 0. The noise is on the labels, s sqrt(n) a sample.
/// In p_j = u_j v_j and r_j = ln(u_j/v_j)/2 the gradient flow keeps p and moves r in the row space of z, so with
/// w = u^2 - v^2 = 2 p sinh 2r, every point of the same p and r0 on the manifold z w = y is r = r0 + z^T a with
///   a = argmin sum_j p_j cosh 2(r0 + z^T a)_j - <a, y>          strictly convex, n-dimensional.
/// One noisy step multiplies p_j by 1 - 4 eta^2 (sum_i g_i z_ij/n)^2, g the residuals; the Slow SDEs of Gu et al. 2024
/// (arXiv:2310.14423), Defs. 3.1 and 3.3, keep r0 up to the row space and let
///   p_j(t) = p_j(0) e^(-4 s2 q_j m t),   q_j = sum_i z_ij^2/n,   m = 1 (SGD), K (Quadratic Synchronization Rule).
/// p -> 0 leaves the fit of least |w|_1 when all q_j agree.
template <int Inputs, int Samples>
struct DiagonalNetwork {
  static constexpr int dim = 2 * Inputs;
  static constexpr int noise_dim = Samples;
  static constexpr int num_samples = Samples;
  using Inner = Vec<Inputs>;

  double inputs[Samples][Inputs];  ///< z
  double labels[Samples];          ///< y
  double noise_scale = 1.0;        ///< sqrt(s2): a batch of B samples with label noise delta has s2 = delta^2/B

  template <class Real>
  QUASAR_HD void gradient(const Real* x, Real* g) const {
    const Real noise[Samples] = {};
    noisy_gradient(x, noise, g);
  }

  QUASAR_HD double noise_amplitude(int) const { return noise_scale * __builtin_sqrt(static_cast<double>(Samples)); }

  template <class Real>
  QUASAR_HD void noisy_gradient(const Real* x, const Real* noise, Real* g) const {
    Real w[Inputs], slope[Inputs] = {};
    fill_linear_map(x, w);
    QUASAR_UNROLL for (int i = 0; i < Samples; ++i)
        add_sample(w, i, noise[i] - static_cast<Real>(labels[i]), Samples, slope);
    finish_gradient(x, slope, g);
  }

  /// The gradient of (f_i - y_i)^2/2.
  template <class Real>
  QUASAR_HD void sample_gradient(const Real* x, int sample, Real* g) const {
    Real w[Inputs], slope[Inputs] = {};
    fill_linear_map(x, w);
    add_sample(w, sample, -static_cast<Real>(labels[sample]), 1, slope);
    finish_gradient(x, slope, g);
  }

  double value(const Vec<dim>& x) const { return residuals(x).squaredNorm() / (2.0 * Samples); }
  Vec<dim> gradient(const Vec<dim>& x) const {
    Vec<dim> g;
    gradient(x.data(), g.data());
    return g;
  }
  // Loops, since Eigen unrolls matrices of fixed size, which takes long to compile.
  Mat<dim> hessian(const Vec<dim>& x) const {
    const Vec<Samples> r = residuals(x);
    Mat<dim> h = gram_matrix(x);
    for (int a = 0; a < dim; ++a)
      for (int i = 0; i < Samples; ++i) h(a, a) += bending(i, a) * r[i] / Samples;
    return h;
  }
  Vec<dim> third_derivative(const Vec<dim>& x, const Mat<dim>& s) const {
    Vec<dim> result = Vec<dim>::Zero();
    for (int i = 0; i < Samples; ++i) {
      double bent = 0.0;
      for (int a = 0; a < dim; ++a) bent += bending(i, a) * s(a, a);
      for (int c = 0; c < dim; ++c) {
        double moved = 0.0;
        for (int a = 0; a < dim; ++a) moved += bending(i, a) * x[a] * (s(a, c) + s(c, a));
        result[c] += bending(i, c) * (moved + x[c] * bent) / Samples;
      }
    }
    return result;
  }
  Mat<dim> covariance(const Vec<dim>& x) const { return noise_scale * noise_scale * gram_matrix(x); }

  /// w = u^2 - v^2, the network as a linear map.
  static Inner linear_map(const Vec<dim>& x) {
    return x.template head<Inputs>().cwiseAbs2() - x.template tail<Inputs>().cwiseAbs2();
  }
  /// u_j v_j, which the gradient flow keeps.
  static Inner products(const Vec<dim>& x) { return x.template head<Inputs>().cwiseProduct(x.template tail<Inputs>()); }

  /// Phi.     throws NumericalError if a coordinate is not positive or z is not of full rank
  Vec<dim> project(const Vec<dim>& x) const { return slow_point(x, 0.0, 1.0); }

  /// Where the Slow SDE of drift multiplier m (1: SGD, K: QSR) is after a slow time.     throws as project does
  Vec<dim> slow_point(const Vec<dim>& start, double slow_time, double multiplier) const {
    if (!(start.minCoeff() > 0.0)) throw NumericalError("a diagonal network needs u > 0 and v > 0");
    const Inner u = start.template head<Inputs>(), v = start.template tail<Inputs>();
    const Inner rate = 4 * noise_scale * noise_scale * multiplier * contraction_rates();
    const Inner p = u.cwiseProduct(v).cwiseProduct(Inner((-slow_time * rate).array().exp()));
    Inner r = 0.5 * u.cwiseQuotient(v).array().log();
    r += data().transpose() * Vec<Samples>(hyperbolic_dual_point(data(), labels_vector(), p, r));
    Vec<dim> point;
    point << p.cwiseSqrt().cwiseProduct(Inner(r.array().exp())), p.cwiseSqrt().cwiseProduct(Inner((-r).array().exp()));
    return point;
  }
  /// q
  Inner contraction_rates() const { return data().cwiseAbs2().colwise().mean().transpose(); }

 private:
  template <class Real>
  QUASAR_HD static void fill_linear_map(const Real* x, Real* w) {
    QUASAR_UNROLL for (int j = 0; j < Inputs; ++j) w[j] = (x[j] - x[Inputs + j]) * (x[j] + x[Inputs + j]);
  }
  /// Adds 2 r z_i / count to the slope, r = f_i + minus_label.
  template <class Real>
  QUASAR_HD void add_sample(const Real* w, int i, Real minus_label, int count, Real* slope) const {
    Real residual = minus_label;
    QUASAR_UNROLL for (int j = 0; j < Inputs; ++j) residual =
        fused_multiply_add(static_cast<Real>(inputs[i][j]), w[j], residual);
    QUASAR_UNROLL for (int j = 0; j < Inputs; ++j) slope[j] =
        fused_multiply_add(static_cast<Real>(inputs[i][j] * 2 / count), residual, slope[j]);
  }
  template <class Real>
  QUASAR_HD static void finish_gradient(const Real* x, const Real* slope, Real* g) {
    QUASAR_UNROLL for (int j = 0; j < Inputs; ++j) {
      g[j] = slope[j] * x[j];
      g[Inputs + j] = -slope[j] * x[Inputs + j];
    }
  }

  using RowMatrix = Eigen::Matrix<double, Samples, Inputs, Inputs == 1 ? Eigen::ColMajor : Eigen::RowMajor>;
  Eigen::Map<const RowMatrix> data() const { return Eigen::Map<const RowMatrix>(&inputs[0][0]); }
  Vec<Samples> labels_vector() const { return Eigen::Map<const Vec<Samples>>(labels); }
  Vec<Samples> residuals(const Vec<dim>& x) const { return data() * linear_map(x) - labels_vector(); }
  /// The a-th number of the diagonal Hessian of f_i; that of the Jacobian J is x_a times it.
  double bending(int i, int a) const { return a < Inputs ? 2 * inputs[i][a] : -2 * inputs[i][a - Inputs]; }
  /// J^T J/n
  Mat<dim> gram_matrix(const Vec<dim>& x) const {
    Mat<dim> gram = Mat<dim>::Zero();
    for (int b = 0; b < dim; ++b)
      for (int a = 0; a < dim; ++a)
        for (int i = 0; i < Samples; ++i) gram(a, b) += (bending(i, a) * x[a]) * (bending(i, b) * x[b]) / Samples;
    return gram;
  }
};

}  // namespace quasar
