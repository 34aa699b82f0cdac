#pragma once

#include <concepts>

#include <Eigen/Dense>

namespace quasar {

template <int Dim>
using Vec = Eigen::Matrix<double, Dim, 1>;
template <int Dim>
using Mat = Eigen::Matrix<double, Dim, Dim>;

/// A smooth loss on R^d whose minimisers form a manifold.
///
/// third_derivative(x, s) is the vector with i-th entry sum_jk d_i d_j d_k L(x) s_jk, written D3L[s].
template <class L>
concept Loss = requires(const L& loss, const Vec<L::dim>& x, const Mat<L::dim>& s) {
  { L::dim } -> std::convertible_to<int>;
  { loss.value(x) } -> std::convertible_to<double>;
  { loss.gradient(x) } -> std::convertible_to<Vec<L::dim>>;
  { loss.hessian(x) } -> std::convertible_to<Mat<L::dim>>;
  { loss.third_derivative(x, s) } -> std::convertible_to<Vec<L::dim>>;
};

/// The covariance S of the gradient noise of a batch of the total size B (one worker's is K S).
template <class N, int Dim>
concept GradientNoise = requires(const N& noise, const Vec<Dim>& x) {
  { noise.covariance(x) } -> std::convertible_to<Mat<Dim>>;
};

}  // namespace quasar
