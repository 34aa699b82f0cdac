#pragma once

#include <concepts>

#include <Eigen/Dense>

namespace quasar {

template <int Dim>
using Vec = Eigen::Matrix<double, Dim, 1>;
template <int Dim>
using Mat = Eigen::Matrix<double, Dim, Dim>;

/// Applies M to the dimensions for which what many files use is compiled once, in a .cpp file: Eigen's decompositions
/// are most of what a file that uses them takes to compile. Other dimensions are compiled where they are used.
#define QUASAR_FOR_EACH_DIMENSION(M) M(2) M(3) M(4) M(Eigen::Dynamic)

/// The one of these dimensions that serves vectors of dimension Dim.
template <int Dim>
inline constexpr int kCompiledDim = Dim >= 2 && Dim <= 4 ? Dim : Eigen::Dynamic;

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
