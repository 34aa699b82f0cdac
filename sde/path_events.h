#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <sstream>
#include <string>

#include <Eigen/Dense>

#include "core/errors.h"
#include "core/loss.h"
#include "core/symmetric_eigen.h"

namespace quasar {

/// Why a path was given up; its position is then the last good one, and it is in no average.
enum class PathEvent : std::uint8_t {
  none,
  retraction_failed,  ///< the projection back to the manifold did not converge
  not_finite,         ///< a coordinate or the gradient is not finite, also where a retraction runs away to infinity
  rank_changed,       ///< the Hessian lost or gained a normal direction: the manifold has another dimension here
  not_a_minimiser,    ///< the Hessian has a negative eigenvalue
  unstable_step       ///< the learning rate is too large for the curvature here (finite steps only)
};

inline constexpr std::array kPathEvents = {PathEvent::retraction_failed, PathEvent::not_finite, PathEvent::rank_changed,
                                           PathEvent::not_a_minimiser, PathEvent::unstable_step};

constexpr const char* name_of(PathEvent event) {
  switch (event) {
    case PathEvent::retraction_failed:
      return "retraction_failed";
    case PathEvent::not_finite:
      return "not_finite";
    case PathEvent::rank_changed:
      return "rank_changed";
    case PathEvent::not_a_minimiser:
      return "not_a_minimiser";
    case PathEvent::unstable_step:
      return "unstable_step";
    case PathEvent::none:
      break;
  }
  return "none";
}

/// "(0.6, -0.8)", for messages; of a long vector the first six components.
template <class Vector>
std::string print_point(const Vector& x) {
  constexpr Eigen::Index kShown = 6;
  std::ostringstream text;
  text << '(';
  for (Eigen::Index i = 0; i < std::min<Eigen::Index>(x.size(), kShown); ++i) text << (i > 0 ? ", " : "") << x[i];
  text << (x.size() > kShown ? ", ...)" : ")");
  return text.str();
}

/// Watches whether the manifold keeps its dimension: the rank of the Hessian at the start, compared along the paths.
///
/// An eigenvalue is normal above rank_tolerance times the largest at the same point, as in slow_coefficients. That never
/// sees the only normal eigenvalue vanish, so the smallest normal one may also not fall below gap_tolerance times what
/// it was at the start.
/// Not checked: a degenerate minimiser whose Hessian has the rank of a manifold, such as that of x^2 + y^4; a path that
/// jumps across a point of another rank within one step.
template <Loss L>
class RankMonitor {
 public:
  static constexpr double rank_tolerance = 1e-6;
  static constexpr double gap_tolerance = 1e-4;  // a curvature 10,000 times weaker: no step size resolves both

  /// throws  NumericalError naming the point if it is a saddle, an isolated minimiser or has no curvature at all
  RankMonitor(const L& loss, const Vec<L::dim>& start) {
    const auto lambda = eigenvalues(loss, start);
    const std::string at = " at the starting point " + print_point(start);
    if (!lambda.allFinite()) throw NumericalError("the Hessian is not finite" + at);
    const double largest = lambda.cwiseAbs().maxCoeff();
    if (largest == 0.0) throw NumericalError("the Hessian is 0" + at + ": a degenerate minimiser has no Slow SDE");
    if (lambda[0] < -rank_tolerance * largest) {
      std::ostringstream negative;
      negative << lambda[0];
      throw NumericalError("the Hessian has the eigenvalue " + negative.str() + at +
                           ": a saddle or a maximum, not a minimiser");
    }
    rank_ = (lambda.array() > rank_tolerance * largest).count();
    if (rank_ == start.size())
      throw NumericalError("the Hessian has full rank" + at + ": an isolated minimiser has no Slow SDE");
    smallest_normal_ = lambda[start.size() - rank_];
  }

  Eigen::Index rank() const { return rank_; }

  /// What the Hessian at a point of a path says; costs its eigenvalues.
  PathEvent at(const L& loss, const Vec<L::dim>& zeta) const {
    const auto lambda = eigenvalues(loss, zeta);
    if (!lambda.allFinite()) return PathEvent::not_finite;
    const double threshold = rank_tolerance * lambda.cwiseAbs().maxCoeff();
    if (lambda[0] < -threshold) return PathEvent::not_a_minimiser;
    const bool same_rank = (lambda.array() > threshold).count() == rank_;
    const bool keeps_gap = lambda[zeta.size() - rank_] > gap_tolerance * smallest_normal_;
    return same_rank && keeps_gap ? PathEvent::none : PathEvent::rank_changed;
  }

 private:
  static Vec<L::dim> eigenvalues(const L& loss, const Vec<L::dim>& x) {
    const Mat<L::dim> hessian = loss.hessian(x);
    if (!hessian.allFinite()) return Vec<L::dim>::Constant(x.size(), std::nan(""));
    return symmetric_eigen<kCompiledDim<L::dim>>(hessian, Eigen::EigenvaluesOnly).eigenvalues();
  }

  Eigen::Index rank_ = 0;
  double smallest_normal_ = 0.0;
};

}  // namespace quasar
