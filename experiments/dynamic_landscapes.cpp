#include "experiments/dynamic_landscapes.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/random.h"

namespace quasar {
namespace {

constexpr double kMostParameters = 400;  // every step of a path of the Slow SDE costs O(d^3)

void check_size(const Config& config, Eigen::Index size, const std::string& key, const std::string& formula) {
  if (static_cast<double>(size) > kMostParameters)
    config.fail(key, "makes " + std::to_string(size) + " parameters, " + formula + "; there may be at most 400");
}

/// Orthonormal columns: the first cosines of the discrete cosine transform of type II.
Eigen::MatrixXd cosines(Eigen::Index rows, Eigen::Index columns) {
  return Eigen::MatrixXd::NullaryExpr(rows, columns, [rows](Eigen::Index i, Eigen::Index k) {
    const auto n = static_cast<double>(rows);
    return std::sqrt((k == 0 ? 1.0 : 2.0) / n) *
           std::cos(std::numbers::pi * (static_cast<double>(i) + 0.5) * static_cast<double>(k) / n);
  });
}

}  // namespace

/// M with the singular values 1, 1 + 1/r, ..., 2 - 1/r, and at the start factors c M's and 1/c M's root.
LandscapeProblem<MatrixFactorization> read_matrix_factorization(const Config& config) {
  const Eigen::Index rows = config.integer("landscape.rows", between(2, kMostParameters), 8);
  const Eigen::Index columns = config.integer("landscape.columns", between(2, kMostParameters), 8);
  const Eigen::Index rank =
      config.integer("landscape.rank", between(1, static_cast<double>(std::min(rows, columns))), 3);
  check_size(config, (rows + columns) * rank, "landscape.rank", "(rows + columns) rank");
  const Eigen::ArrayXd h = 1.0 + Eigen::ArrayXd::LinSpaced(rank, 0.0, static_cast<double>(rank - 1)) / rank;
  const Eigen::MatrixXd p = cosines(rows, rank), q = cosines(columns, rank);
  const MatrixFactorization problem{p * h.matrix().asDiagonal() * q.transpose(), rank,
                                    config.number("landscape.noise_scale", at_least(0.0), 0.5)};
  const double ratio = config.number("landscape.start", positive(), 1.5);  // c
  const Eigen::VectorXd root = h.sqrt().matrix();
  const auto start = MatrixFactorization::joined(p * (ratio * root).asDiagonal(), q * (root / ratio).asDiagonal());
  const auto trace = [problem](const Eigen::VectorXd& x) { return problem.trace_of_hessian(x); };
  const auto imbalance = [problem](const Eigen::VectorXd& x) { return problem.imbalance(x).norm(); };
  return {problem, start, {{"trace_hessian", trace}, {"imbalance", imbalance}}};
}

/// Inputs and parameters are named normal draws; the labels are what the network says at the start.
LandscapeProblem<TanhNetwork> read_tanh_network(const Config& config) {
  const Eigen::Index inputs = config.integer("landscape.inputs", between(1, kMostParameters), 2);
  const Eigen::Index samples = config.integer("landscape.samples", between(1, kMostParameters), 4);
  const auto width = static_cast<int>(config.integer("landscape.width", between(1, kMostParameters), 6));
  const auto seed = static_cast<std::uint64_t>(config.integer("landscape.data_seed", at_least(0), 1));
  const double noise_scale = config.number("landscape.noise_scale", at_least(0.0), 0.5);
  const double start_scale = config.number("landscape.start", positive(), 1.0);  // standard deviation
  TanhNetwork network{{{}, {}, width, noise_scale}};
  const auto draw = [seed](Eigen::Index rows, Eigen::Index columns, std::uint32_t what) {
    return Eigen::MatrixXd::NullaryExpr(rows, columns, [=](Eigen::Index i, Eigen::Index j) {
      float z[4];
      normals({seed, Use::network_start, what, static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(j)}, z);
      return static_cast<double>(z[0]);
    });
  };
  network.inputs = draw(samples, inputs, 0);
  const Eigen::Index size = width * (inputs + 2);
  check_size(config, size, "landscape.width", "width (inputs + 2)");
  if (samples >= size)
    config.fail("landscape.samples", "must be fewer than the parameters, width (inputs + 2) = " + std::to_string(size) +
                                         "; else the minimisers are no manifold");
  const Eigen::VectorXd start = start_scale * draw(size, 1, 1).col(0);
  network.labels = Eigen::VectorXd::Zero(samples);
  network.labels = network.residual(start);
  const auto trace = [network](const Eigen::VectorXd& x) {
    return network.jacobian(x).squaredNorm() / static_cast<double>(network.labels.size());
  };
  const auto norm = [](const Eigen::VectorXd& x) { return x.norm(); };
  return {network, start, {{"trace_hessian", trace}, {"parameter_norm", norm}}};
}

}  // namespace quasar
