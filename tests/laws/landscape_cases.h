#pragma once

#include <cmath>

#include "toy_models/circle.h"
#include "toy_models/diagonal_network.h"
#include "toy_models/ellipse.h"
#include "toy_models/hyperbola.h"
#include "toy_models/least_squares.h"
#include "toy_models/matrix_factorization.h"
#include "toy_models/multiplicative_quadratic.h"
#include "toy_models/periodic_valley.h"
#include "toy_models/quadratic.h"
#include "toy_models/river.h"
#include "toy_models/sphere.h"
#include "toy_models/tanh_network.h"
#include "toy_models/turning_valley.h"
#include "toy_models/valley.h"

/// The cases of the laws: one a landscape, with its formula written a second time.
namespace quasar {

using std::cos, std::exp, std::sin;

struct ValleyCase {
  static Valley landscape() { return {1.3}; }
  static Vec<2> near() { return {0.0, 0.4}; }
  static constexpr double spread = 0.2;
  static constexpr int rank = 1;
  template <class Real>
  static Real value(const Real* x) {
    return exp(x[1]) * x[0] * x[0] / 2.0;
  }
};
struct CircleCase {
  static Circle landscape() { return {3.0, 1.2, 0.5}; }
  static Vec<2> near() { return {0.6, -0.8}; }
  static constexpr double spread = 0.2;
  static constexpr int rank = 1;
  template <class Real>
  static Real value(const Real* x) {
    const Real excess = x[0] * x[0] + x[1] * x[1] - 1.0;
    return 3.0 / 8 * excess * excess;
  }
};
struct EllipseCase {
  static Ellipse landscape() { return {3.0, 1.4, 0.9, 1.2, 0.5}; }
  static Vec<2> near() { return {0.9, -0.7}; }
  static constexpr double spread = 0.2;
  static constexpr int rank = 1;
  template <class Real>
  static Real value(const Real* x) {
    const Real level = (x[0] * x[0] / 1.96 + x[1] * x[1] / 0.81 - 1.0) / 2.0;
    return 1.5 * level * level;
  }
};
struct HyperbolaCase {
  static Hyperbola landscape() { return {0.7}; }
  static Vec<2> near() { return {1.25, 0.8}; }
  static constexpr double spread = 0.2;
  static constexpr int rank = 1;
  template <class Real>
  static Real value(const Real* x) {
    return (x[0] * x[1] - 1.0) * (x[0] * x[1] - 1.0) / 2.0;
  }
};
struct NegativeHyperbolaCase : HyperbolaCase {
  static Vec<2> near() { return {-1.25, -0.8}; }
};
struct BowlCase {
  static Quadratic<1> landscape() { return {{0.8}, {0.5}}; }
  static Vec<1> near() { return Vec<1>(0.3); }
  static constexpr double spread = 0.2;
  static constexpr int rank = 1;
  template <class Real>
  static Real value(const Real* x) {
    return 0.4 * x[0] * x[0];
  }
};
struct FlatBowlCase {
  static Quadratic<3> landscape() { return {{0.0, 1.5, 0.5}, {0.5, 1.0, 2.0}}; }
  static Vec<3> near() { return {0.3, -0.2, 0.1}; }
  static constexpr double spread = 0.2;
  static constexpr int rank = 2;
  template <class Real>
  static Real value(const Real* x) {
    return 0.75 * x[1] * x[1] + 0.25 * x[2] * x[2];
  }
};
struct LeastSquaresCase {
  static LeastSquares<3, 2> landscape() { return {{{1.0, -1.0, 0.7}, {1.0, 1.0, -0.4}}, {0.5, -0.3}, 0.6}; }
  static Vec<3> near() { return {0.1, -0.4, 0.0}; }
  static constexpr double spread = 0.2;
  static constexpr int rank = 2;
  template <class Real>
  static Real value(const Real* x) {
    const Real first = x[0] - x[1] + 0.7 * x[2] - 0.5, second = x[0] + x[1] - 0.4 * x[2] + 0.3;
    return (first * first + second * second) / 4.0;
  }
};
struct MultiplicativeBowlCase {
  static MultiplicativeQuadratic landscape() { return {0.8, 0.4, 0.6}; }
  static Vec<1> near() { return Vec<1>(0.3); }
  static constexpr double spread = 0.2;
  static constexpr int rank = 1;
  template <class Real>
  static Real value(const Real* x) {
    return 0.4 * x[0] * x[0];
  }
};
struct RiverCase {
  static River landscape() { return {1.5, 0.4, 1.1, 0.3}; }
  static Vec<2> near() { return {0.1, 0.6}; }
  static constexpr double spread = 0.2;
  static constexpr int rank = 1;
  template <class Real>
  static Real value(const Real* x) {
    return 1.5 * exp(0.4 * x[1] * x[1]) * x[0] * x[0] / 2.0;
  }
};
struct PeriodicValleyCase {
  static PeriodicValley landscape() { return {0.9, 0.7}; }
  static Vec<2> near() { return {-0.2, 8.0}; }
  static constexpr double spread = 0.2;
  static constexpr int rank = 1;
  template <class Real>
  static Real value(const Real* x) {
    return x[0] * x[0] / (2.0 * exp(cos(x[1])));
  }
};
struct SphereCase {
  static Sphere<3> landscape() { return {3.0, 0.8}; }
  static Vec<3> near() { return {0.5, -0.7, 0.6}; }
  static constexpr double spread = 0.2;
  static constexpr int rank = 1;
  template <class Real>
  static Real value(const Real* x) {
    const Real excess = x[0] * x[0] + x[1] * x[1] + x[2] * x[2] - 1.0;
    return 3.0 / 8 * excess * excess;
  }
};
struct TurningValleyCase {
  static TurningValley landscape() { return {2.0, 0.7, 0.8, 1.2, 0.5, 0.3}; }
  static Vec<3> near() { return {0.1, -0.2, 1.1}; }
  static constexpr double spread = 0.2;
  static constexpr int rank = 2;
  template <class Real>
  static Real value(const Real* x) {
    const Real s = sin(0.8 * x[2]), c = cos(0.8 * x[2]), u = x[0] * c + x[1] * s, v = x[1] * c - x[0] * s;
    const Real w = 0.64 * (x[0] * x[0] + x[1] * x[1]);
    return exp(2.0 * w + w * w / 2.0) * (2.0 * u * u + 0.7 * v * v) / 2.0;
  }
};
struct DiagonalNetworkCase {
  static DiagonalNetwork<3, 2> landscape() { return {{{1.0, -1.0, 0.7}, {1.0, 1.0, -0.4}}, {0.5, -0.3}, 0.6}; }
  static Vec<6> near() { return (Vec<6>() << 0.8, 0.6, 0.7, 0.7, 0.75, 0.5).finished(); }
  static constexpr double spread = 0.1;
  static constexpr int rank = 2;
  template <class Real>
  static Real value(const Real* x) {
    Real w[3];
    for (int j = 0; j < 3; ++j) w[j] = x[j] * x[j] - x[j + 3] * x[j + 3];
    const Real first = w[0] - w[1] + 0.7 * w[2] - 0.5, second = w[0] + w[1] - 0.4 * w[2] + 0.3;
    return (first * first + second * second) / 4.0;
  }
};
/// 5 x 4 of rank 3 in 27 dimensions: more than one sweep of the jets.
struct MatrixFactorizationCase {
  static MatrixFactorization landscape() {
    MatrixFactorization problem{Eigen::MatrixXd::Zero(5, 4), 3, 0.6};
    problem.target = problem.left(near()) * problem.right(near()).transpose();
    return problem;
  }
  static Eigen::VectorXd near() {
    return Eigen::VectorXd::NullaryExpr(27,
                                        [](Eigen::Index i) { return std::sin(1.0 + 1.7 * static_cast<double>(i)); });
  }
  static constexpr double spread = 0.1;
  template <class Real>
  static Real value(const Real* x) {
    static const Eigen::MatrixXd target = landscape().target;
    Real sum(0.0);
    for (int i = 0; i < 5; ++i)
      for (int j = 0; j < 4; ++j) {
        Real entry(-target(i, j));
        for (int a = 0; a < 3; ++a) entry += x[5 * a + i] * x[15 + 4 * a + j];
        sum += entry * entry;
      }
    return sum / 2.0;
  }
};
/// Its derivatives are jets already: for the differences only.
struct TanhNetworkCase {
  static TanhNetwork landscape() {
    Eigen::MatrixXd inputs(3, 2);
    inputs << 0.5, -1.0, 1.2, 0.3, -0.7, 0.8;
    return {{inputs, Eigen::Vector3d(0.6, -0.4, 0.1), 4, 0.5}};
  }
  static Eigen::VectorXd near() {
    return Eigen::VectorXd::NullaryExpr(16,
                                        [](Eigen::Index i) { return std::sin(1.0 + 1.7 * static_cast<double>(i)); });
  }
  static constexpr double spread = 0.2;
};

}  // namespace quasar
