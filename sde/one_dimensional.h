#pragma once

#include <cmath>
#include <functional>

#include <Eigen/Dense>

#include "core/loss.h"
#include "sde/slow_coefficients.h"

/// Slow SDEs on a one-dimensional manifold, solved without any sampling in a coordinate q along it.
namespace quasar {

/// Functions of the coordinate by their values at nodes.
struct SpectralGrid {
  Eigen::VectorXd nodes;                                    ///< (n)
  Eigen::MatrixXd first, second;                            ///< values to values of d/dq and d2/dq2, (n, n)
  std::function<Eigen::RowVectorXd(double)> interpolation;  ///< values to the value at q, (n)
  Eigen::VectorXd values(const std::function<double(double)>& f) const { return nodes.unaryExpr(f); }
};

/// Equispaced nodes on one period, the first at `start`; trigonometric polynomials.
///                                                             Trefethen 2000, Spectral Methods in MATLAB, ch. 3
/// throws  ConfigError unless the number of nodes is even and at least 4 and the period positive
SpectralGrid periodic_grid(double start, double period, int nodes);

/// Gauss-Hermite nodes of N(centre, width^2) on the whole line; polynomials of degree below `nodes`.
///
/// No boundary conditions: exact where the generator takes polynomials to polynomials of the same degree.
/// throws  ConfigError unless there are 2 to 60 nodes and the width is positive
SpectralGrid line_grid(double centre, double width, int nodes);

/// Nodes and weights of the Gauss-Hermite rule for N(0, 1), from the eigenvectors of its Jacobi matrix.
///                                                             Golub and Welsch 1969, Math. Comp. 23, 221
struct QuadratureRule {
  Eigen::VectorXd nodes, weights;
};
QuadratureRule gauss_hermite(int nodes);

/// dq = drift dt + sqrt(diffusion) dW in Ito's sense, per unit slow time.
struct CoordinateCoefficients {
  double drift, diffusion;
};
using CoordinateField = std::function<CoordinateCoefficients(double)>;

/// A manifold as a curve q -> gamma(q).
template <int Dim>
struct ManifoldCurve {
  std::function<Vec<Dim>(double)> point, tangent, acceleration;  ///< gamma, gamma', gamma''
  std::function<double(const Vec<Dim>&)> coordinate;             ///< q of a point of the manifold
};

/// The Slow SDE in the coordinate, from its ambient coefficients by Ito's formula for gamma(q).
///
///   D = gamma'^T A A^T gamma' / |gamma'|^4,   a = (gamma' . b - (1/2) gamma' . gamma'' D) / |gamma'|^2
///
/// b, A     drift and diffusion of slow_coefficients; the normal part of Ito's drift drops out
/// cost     one slow_coefficients
/// Not checked: that the curve is the manifold of minimisers.
template <int Dim>
CoordinateCoefficients coordinate_coefficients(const ManifoldCurve<Dim>& curve, const SlowCoefficients<Dim>& slow,
                                               double q) {
  const Vec<Dim> tangent = curve.tangent(q);
  const double speed_squared = tangent.squaredNorm();
  const double diffusion = (slow.diffusion.transpose() * tangent).squaredNorm() / (speed_squared * speed_squared);
  const double curvature = 0.5 * tangent.dot(curve.acceleration(q)) * diffusion;
  return {(tangent.dot(slow.drift) - curvature) / speed_squared, diffusion};
}

/// The same as a field; loss, noise and curve must outlive it.
template <class L, class Noise>
CoordinateField coordinate_field(const L& loss, const Noise& noise, const DriftWeights& weights,
                                 const ManifoldCurve<L::dim>& curve) {
  return [&loss, &noise, weights, &curve](double q) {
    const Vec<L::dim> zeta = curve.point(q);
    return coordinate_coefficients(curve, slow_coefficients(loss, Mat<L::dim>(noise.covariance(zeta)), zeta, weights),
                                   q);
  };
}

/// The generator a d/dq + (D/2) d2/dq2 on the grid, (n, n).
Eigen::MatrixXd generator(const SpectralGrid& grid, const CoordinateField& field);

/// Backward Kolmogorov equation: u(t, q) = E[g(q_t) | q_0 = q] at every node.
///
///   u_t = a u' + (D/2) u'',   u(0) = g     hence u = exp(t G) g      Kolmogorov 1931, Math. Ann. 104, 415
///
/// g        values at the nodes, one column a function, (n, k)
/// cost     one matrix exponential, O(n^3)
/// throws   NumericalError if the result is not finite
/// Not checked: that the grid resolves g and the coefficients; double the nodes to see.
Eigen::MatrixXd expectation(const SpectralGrid& grid, const CoordinateField& field, const Eigen::MatrixXd& g,
                            double slow_time);

/// Stationary density on a periodic grid: the solution of -(a p)' + (D p)''/2 = 0 with integral 1, at the nodes.
///
/// cost     one QR decomposition, O(n^3)
/// throws   NumericalError if D is 0 at a node (no unique law) or the grid leaves p below -1e-6 of its largest value
/// Not checked: that the grid is periodic.
Eigen::VectorXd stationary_density(const SpectralGrid& grid, const CoordinateField& field);

/// Slow time in which the slowest deviation from the stationary law falls by e: -1/l for the eigenvalue l != 0 of the
/// generator with the largest real part.
///
/// cost    one eigendecomposition, O(n^3)
/// throws  NumericalError if no deviation falls
double relaxation_time(const SpectralGrid& grid, const CoordinateField& field);

}  // namespace quasar
