#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "core/jets.h"
#include "core/loss.h"
#include "core/symmetric_eigen.h"

namespace quasar {

/// Variables of one sweep of a formula through jets: more would only enlarge the temporaries.
template <int Dim>
inline constexpr int kJetWidth = Dim == Eigen::Dynamic ? 8 : std::min(Dim, 8);

/// `size` jets, each made of its index.
template <class J, int Dim, class Make>
auto jet_point(Eigen::Index size, const Make& make) {
  std::conditional_t<Dim == Eigen::Dynamic, std::vector<J>, std::array<J, static_cast<std::size_t>(std::max(Dim, 1))>>
      point;
  if constexpr (Dim == Eigen::Dynamic) point.resize(static_cast<std::size_t>(size));
  for (Eigen::Index i = 0; i < size; ++i) point[static_cast<std::size_t>(i)] = make(i);
  return point;
}

/// A constant, or the variable number i - first of N if it is one of them.
template <class T, int N>
QUASAR_HD Dual<T, N> variable_in_sweep(const T& value, Eigen::Index i, Eigen::Index first) {
  if (i >= first && i < first + N) return Dual<T, N>::variable(value, static_cast<int>(i - first));
  Dual<T, N> constant(0.0);
  constant.value = value;
  return constant;
}

/// Gradient of a formula, exact to rounding.
///
/// formula  callable, const Real* -> Real, for every Real that is a jet
/// cost     ceil(d/8) evaluations in 9 numbers instead of 1
template <int Dim, class Formula>
Vec<Dim> jet_gradient(const Formula& formula, const Vec<Dim>& x) {
  constexpr int kN = kJetWidth<Dim>;
  Vec<Dim> gradient(x.size());
  for (Eigen::Index first = 0; first < x.size(); first += kN) {
    const auto jet = formula(jet_point<Dual<double, kN>, Dim>(x.size(), [&](Eigen::Index i) {
                               return variable_in_sweep<double, kN>(x[i], i, first);
                             }).data());
    for (Eigen::Index i = first; i < std::min<Eigen::Index>(first + kN, x.size()); ++i)
      gradient[i] = jet.slope[i - first];
  }
  return gradient;
}

/// Hessian of a formula, exact to rounding and exactly symmetric.
///
/// cost  ceil(d/8) (ceil(d/8) + 1) / 2 evaluations in 81 numbers
template <int Dim, class Formula>
Mat<Dim> jet_hessian(const Formula& formula, const Vec<Dim>& x) {
  constexpr int kN = kJetWidth<Dim>;
  using Inner = Dual<double, kN>;
  Mat<Dim> hessian(x.size(), x.size());
  for (Eigen::Index row = 0; row < x.size(); row += kN)
    for (Eigen::Index column = row; column < x.size(); column += kN) {
      const auto jet =
          formula(jet_point<Dual<Inner, kN>, Dim>(x.size(), [&](Eigen::Index i) {
                    return variable_in_sweep<Inner, kN>(variable_in_sweep<double, kN>(x[i], i, row), i, column);
                  }).data());
      for (Eigen::Index i = row; i < std::min<Eigen::Index>(row + kN, x.size()); ++i)
        for (Eigen::Index j = std::max(i, column); j < std::min<Eigen::Index>(column + kN, x.size()); ++j)
          hessian(i, j) = hessian(j, i) = jet.slope[j - column].slope[i - row];
    }
  return hessian;
}

/// Third derivative of a formula contracted with a matrix, exact to rounding.
///
///   D3L[s]_k = sum_r l_r d/dx_k d^2/dt^2 L(x + t v_r) at t = 0,   (s + s^T)/2 = sum_r l_r v_r v_r^T
///
/// cost  one d x d symmetric eigendecomposition and, for each l_r that is not 0, ceil(d/8) evaluations in 27 numbers;
///       nothing of size d^3 is formed
template <int Dim, class Formula>
Vec<Dim> jet_third_derivative(const Formula& formula, const Vec<Dim>& x, const Mat<Dim>& s) {
  constexpr int kN = kJetWidth<Dim>;
  using Inner = Dual<double, kN>;
  const auto eigen = symmetric_eigen<kCompiledDim<Dim>>(0.5 * (s + s.transpose()));
  // what rounding leaves of an eigenvalue that is 0
  const double negligible = static_cast<double>(x.size()) * std::numeric_limits<double>::epsilon() *
                            eigen.eigenvalues().cwiseAbs().maxCoeff();
  Vec<Dim> sum = Vec<Dim>::Zero(x.size());
  for (Eigen::Index r = 0; r < x.size(); ++r) {
    const double weight = eigen.eigenvalues()[r];
    if (std::abs(weight) <= negligible) continue;
    for (Eigen::Index first = 0; first < x.size(); first += kN) {
      const auto jet = formula(jet_point<Taylor2<Inner>, Dim>(x.size(), [&](Eigen::Index i) {
                                 return Taylor2<Inner>(variable_in_sweep<double, kN>(x[i], i, first),
                                                       Inner(eigen.eigenvectors()(i, r)), Inner(0.0));
                               }).data());
      for (Eigen::Index i = first; i < std::min<Eigen::Index>(first + kN, x.size()); ++i)
        sum[i] += 2.0 * weight * jet.second.slope[i - first];
    }
  }
  return sum;
}

/// A Loss made of one formula: F has `template <class Real> Real value(const Real* x) const` and whatever else is
/// needed, which is passed on (a covariance, closed forms). Dim may be Eigen::Dynamic.
///
/// cost  see jet_gradient, jet_hessian, jet_third_derivative
template <class F, int Dim>
struct JetLoss : F {
  static constexpr int dim = Dim;

  using F::value;
  double value(const Vec<Dim>& x) const { return F::value(x.data()); }
  Vec<Dim> gradient(const Vec<Dim>& x) const { return jet_gradient(formula(), x); }
  Mat<Dim> hessian(const Vec<Dim>& x) const { return jet_hessian(formula(), x); }
  Vec<Dim> third_derivative(const Vec<Dim>& x, const Mat<Dim>& s) const {
    return jet_third_derivative(formula(), x, s);
  }

 private:
  auto formula() const {
    return [this](const auto* x) { return F::value(x); };
  }
};

}  // namespace quasar
