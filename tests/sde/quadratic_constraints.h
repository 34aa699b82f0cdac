#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "core/loss.h"
#include "core/random.h"

namespace quasar {

/// L = |F|^2/2 with quadratic constraints F_k = x^T A_k x/2 + b_k^T x + c_k: minimisers of any codimension, no symmetry.
template <int Dim>
struct QuadraticConstraints {
  static constexpr int dim = Dim;
  struct Constraint {
    Mat<Dim> a;
    Vec<Dim> b;
    double c;
    double level(const Vec<Dim>& x) const { return 0.5 * x.dot(a * x) + b.dot(x) + c; }
    Vec<Dim> slope(const Vec<Dim>& x) const { return a * x + b; }
  };
  std::vector<Constraint> constraints;

  double value(const Vec<Dim>& x) const {
    double sum = 0.0;
    for (const auto& f : constraints) sum += 0.5 * f.level(x) * f.level(x);
    return sum;
  }
  Vec<Dim> gradient(const Vec<Dim>& x) const {
    Vec<Dim> sum = Vec<Dim>::Zero(x.size());
    for (const auto& f : constraints) sum += f.level(x) * f.slope(x);
    return sum;
  }
  Mat<Dim> hessian(const Vec<Dim>& x) const {
    Mat<Dim> sum = Mat<Dim>::Zero(x.size(), x.size());
    for (const auto& f : constraints) sum += f.slope(x) * f.slope(x).transpose() + f.level(x) * f.a;
    return sum;
  }
  Vec<Dim> third_derivative(const Vec<Dim>& x, const Mat<Dim>& s) const {
    Vec<Dim> sum = Vec<Dim>::Zero(x.size());
    for (const auto& f : constraints)
      sum += f.slope(x) * f.a.cwiseProduct(s).sum() + f.a * ((s + s.transpose()) * f.slope(x));
    return sum;
  }
};

/// A normal number by name, written out so that the problems made of it stay what they are whatever normals() becomes.
inline double fixed_normal(std::uint32_t name, std::uint64_t i) {
  const Words bits = words({21, Use::toy_noise, name, i});
  const double radius = std::sqrt(-2.0 * std::log((bits.w[0] + 0.5) / 4294967296.0));
  const auto low_29_bits = static_cast<std::int32_t>(bits.w[1] << 3) >> 3;
  const double angle = std::numbers::pi / 4 * low_29_bits / 268435456.0;
  const double coordinate = (bits.w[1] >> 29 & 1u) != 0 ? std::cos(angle) : std::sin(angle);
  return (bits.w[1] >> 31) != 0 ? -radius * coordinate : radius * coordinate;
}

/// A symmetric matrix of independent normals, by name.
template <int Dim>
Mat<Dim> random_symmetric(std::uint32_t name, Eigen::Index size = Dim) {
  Mat<Dim> m(size, size);
  for (Eigen::Index i = 0; i < size * size; ++i)
    m(i / size, i % size) = fixed_normal(name, static_cast<std::uint64_t>(i));
  return 0.5 * (m + m.transpose());
}

/// Two constraints in R^4 whose curvatures and slopes do not commute; Gamma is a surface.
inline QuadraticConstraints<4> two_constraints_in_four_dimensions() {
  return {{{0.3 * random_symmetric<4>(1), Vec<4>(1.1, 0.4, -0.3, 0.2), -0.7},
           {0.3 * random_symmetric<4>(2), Vec<4>(0.2, -0.5, 0.9, 0.3), 0.4}}};
}

}  // namespace quasar
