#pragma once

#include <variant>

#include <Eigen/Dense>
#include <Eigen/Sparse>

namespace quasar {

/// A regularised mean of losses of a linear model, over rows of features that may be sparse or dense.
///
///   f(x) = (1/n) sum_i l(a_i x, y_i) + (mu/2) |x|^2,   logistic: l(z, y) = ln(1 + e^(-y z)), y = +-1,
///                                                      ridge:    l(z, y) = (z - y)^2/2
///
/// f is mu-strongly convex; its smoothness is at most L = mu + c (1/n) sum |a_i|^2, c = 1/4 (logistic) or 1 (ridge).
class ConvexLoss {
 public:
  enum class Kind { logistic, ridge };
  using Sparse = Eigen::SparseMatrix<double, Eigen::RowMajor>;
  using Dense = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Vector = Eigen::VectorXd;

  /// throws  ConfigError if there is no row, the labels are not as many, a logistic one is not +-1, or mu is not positive
  ConvexLoss(std::variant<Sparse, Dense> features, Vector labels, Kind kind, double regularization);

  Eigen::Index dim() const;
  Eigen::Index num_samples() const { return labels_.size(); }
  double strong_convexity() const { return regularization_; }
  double smoothness() const { return smoothness_; }

  double value(const Vector& x) const;
  Vector gradient(const Vector& x) const;
  /// The second derivatives of the samples' losses, for hessian_times at the same x.
  Vector curvatures(const Vector& x) const;
  /// Hess f v
  Vector hessian_times(const Vector& curvatures, const Vector& v) const;

  /// l'(a_i x, y_i): the sample's gradient is this times a_i, plus mu x.
  double slope(Eigen::Index sample, const Vector& x) const;
  /// x <- x + factor a_i
  void add_row(Eigen::Index sample, double factor, Vector& x) const;
  /// (1/n) sum_i |gradient of sample i|^2, regulariser included.
  double mean_square_gradient(const Vector& x) const;

 private:
  double slope_at(double z, double label) const;
  Vector outputs(const Vector& x) const;                  ///< a_i x
  Vector weighted_rows(const Vector& row_weights) const;  ///< sum_i w_i a_i

  std::variant<Sparse, Dense> features_;
  Vector labels_, squared_norms_;
  Kind kind_;
  double regularization_, smoothness_;
};

/// The minimum of a convex loss.
struct ConvexOptimum {
  Eigen::VectorXd x;
  double value;
  double gap;      ///< |grad f|^2/(2 mu), which bounds f(x) - f*
  int iterations;  ///< of Newton's method
};

/// Newton's method, its systems solved by conjugate gradients, until f(x) - f* <= gap is certain.
///
/// A step is halved until f falls or, where f is rounded already, the gradient does.
/// throws  NumericalError if 100 steps do not get there
/// cost    a pass over the data a step and a conjugate gradient
ConvexOptimum minimize(const ConvexLoss& loss, double gap = 1e-12);

}  // namespace quasar
