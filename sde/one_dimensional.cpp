#include "sde/one_dimensional.h"

#include <algorithm>
#include <numbers>

#include <unsupported/Eigen/MatrixFunctions>

#include "core/errors.h"
#include "core/symmetric_eigen.h"

namespace quasar {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::RowVectorXd;
using Eigen::VectorXd;

/// Weights 1/prod_k (x_j - x_k) of the barycentric formula.     Berrut and Trefethen 2004, SIAM Review 46, 501
VectorXd barycentric_weights(const VectorXd& nodes) {
  const double scale = 4.0 / (nodes.maxCoeff() - nodes.minCoeff());  // keeps the products near 1
  VectorXd weights = VectorXd::Ones(nodes.size());
  for (Index j = 0; j < nodes.size(); ++j)
    for (Index k = 0; k < nodes.size(); ++k)
      if (k != j) weights[j] /= scale * (nodes[j] - nodes[k]);
  return weights;
}

}  // namespace

SpectralGrid periodic_grid(double start, double period, int nodes) {
  if (nodes < 4 || nodes % 2 != 0 || !(period > 0.0))
    throw ConfigError("a periodic grid needs an even number of nodes, at least 4, and a positive period");
  using std::numbers::pi;
  const double h = 2.0 * pi / nodes, to_angle = 2.0 * pi / period;
  SpectralGrid grid;
  grid.nodes = VectorXd::NullaryExpr(nodes, [=](Index i) { return start + period * static_cast<double>(i) / nodes; });
  grid.first = grid.second = MatrixXd::Zero(nodes, nodes);
  for (int i = 0; i < nodes; ++i)
    for (int j = 0; j < nodes; ++j) {
      const double half_angle = (i - j) * h / 2.0, sign = (i - j) % 2 == 0 ? 1.0 : -1.0;
      if (i != j) grid.first(i, j) = to_angle * 0.5 * sign / std::tan(half_angle);
      grid.second(i, j) =
          to_angle * to_angle *
          (i == j ? -pi * pi / (3.0 * h * h) - 1.0 / 6.0 : -sign / (2.0 * std::sin(half_angle) * std::sin(half_angle)));
    }
  grid.interpolation = [points = grid.nodes, to_angle](double q) {
    const auto n = static_cast<double>(points.size());
    return RowVectorXd(RowVectorXd::NullaryExpr(points.size(), [&](Index j) {
      const double x = to_angle * (q - points[j]) / 2.0;
      return std::abs(std::sin(x)) < 1e-12 ? 1.0 : std::sin(n * x) * std::cos(x) / (n * std::sin(x));
    }));
  };
  return grid;
}

QuadratureRule gauss_hermite(int nodes) {
  MatrixXd jacobi = MatrixXd::Zero(nodes, nodes);
  for (int i = 1; i < nodes; ++i) jacobi(i, i - 1) = jacobi(i - 1, i) = std::sqrt(i);
  const auto eigen = symmetric_eigen<Eigen::Dynamic>(jacobi);
  return {eigen.eigenvalues(), eigen.eigenvectors().row(0).cwiseAbs2().transpose()};
}

SpectralGrid line_grid(double centre, double width, int nodes) {
  if (nodes < 2 || nodes > 60 || !(width > 0.0))
    throw ConfigError("a grid on the line needs 2 to 60 nodes and a positive width");
  SpectralGrid grid;
  grid.nodes = (centre + width * gauss_hermite(nodes).nodes.array()).matrix();
  const VectorXd weights = barycentric_weights(grid.nodes);
  grid.first = MatrixXd::Zero(nodes, nodes);
  for (int i = 0; i < nodes; ++i) {
    for (int j = 0; j < nodes; ++j)
      if (i != j) grid.first(i, j) = weights[j] / weights[i] / (grid.nodes[i] - grid.nodes[j]);
    grid.first(i, i) = -grid.first.row(i).sum();
  }
  grid.second = grid.first * grid.first;
  grid.interpolation = [points = grid.nodes, weights](double q) {
    const Index n = points.size();
    for (Index j = 0; j < n; ++j)
      if (q == points[j]) return RowVectorXd(RowVectorXd::Unit(n, j));
    const RowVectorXd row = (weights.array() / (q - points.array())).matrix().transpose();
    return RowVectorXd(row / row.sum());
  };
  return grid;
}

MatrixXd generator(const SpectralGrid& grid, const CoordinateField& field) {
  MatrixXd result(grid.nodes.size(), grid.nodes.size());
  for (Index i = 0; i < grid.nodes.size(); ++i) {
    const auto [drift, diffusion] = field(grid.nodes[i]);
    result.row(i) = drift * grid.first.row(i) + 0.5 * diffusion * grid.second.row(i);
  }
  return result;
}

MatrixXd expectation(const SpectralGrid& grid, const CoordinateField& field, const MatrixXd& g, double slow_time) {
  const MatrixXd semigroup = (slow_time * generator(grid, field)).exp();
  MatrixXd result = semigroup * g;
  if (!result.allFinite())
    throw NumericalError(
        "the backward equation has no finite solution on this grid; use fewer nodes or a shorter time");
  return result;
}

VectorXd stationary_density(const SpectralGrid& grid, const CoordinateField& field) {
  const Index n = grid.nodes.size();
  for (const double q : grid.nodes)
    if (!(field(q).diffusion > 0.0))
      throw NumericalError("no unique stationary law: the diffusion is 0 at the coordinate " + std::to_string(q));
  MatrixXd equations(n + 1, n);
  equations << generator(grid, field).transpose(), RowVectorXd::Constant(n, grid.nodes[1] - grid.nodes[0]);
  const VectorXd density = equations.colPivHouseholderQr().solve(VectorXd::Unit(n + 1, n));
  if (!(density.minCoeff() > -1e-6 * density.maxCoeff()))
    throw NumericalError("the grid of " + std::to_string(n) + " nodes does not resolve the stationary density");
  return density;
}

double relaxation_time(const SpectralGrid& grid, const CoordinateField& field) {
  Eigen::ArrayXd rates = Eigen::EigenSolver<MatrixXd>(generator(grid, field), false).eigenvalues().real().array();
  std::sort(rates.begin(), rates.end());
  const double slowest = rates[rates.size() - 2];  // the last is 0, of the constants
  if (!(slowest < 0.0)) throw NumericalError("the law does not relax: the generator has a second eigenvalue of 0");
  return -1.0 / slowest;
}

}  // namespace quasar
