#pragma once

#include <cstdint>
#include <vector>

namespace quasar {

/// A mean with its standard error.
struct Estimate {
  double mean = 0.0;
  double standard_error = 0.0;
};

/// Mean and variance of a stream of numbers in one pass (Welford; merging as Chan, Golub and LeVeque 1983).
class RunningMoments {
 public:
  RunningMoments() = default;
  /// What others have summed: the mean and the sum of squared differences from it.
  RunningMoments(std::int64_t count, double mean, double sum_of_squares)
      : count_(count), mean_(mean), sum_of_squares_(sum_of_squares) {}

  void add(double value);
  /// With nothing on either side the other side stays as it is, to the bit.
  void merge(const RunningMoments& other);

  std::int64_t count() const { return count_; }
  double mean() const { return mean_; }
  double variance() const;            ///< with n - 1 in the denominator; 0 for fewer than two values
  double standard_deviation() const;  ///< square root of variance()
  Estimate estimate() const;          ///< mean and sd / sqrt(n)

 private:
  std::int64_t count_ = 0;
  double mean_ = 0.0;
  double sum_of_squares_ = 0.0;
};

/// Quantiles of a sample, linear between its order statistics (Hyndman and Fan 1996, type 7); NaN for no values.
///
/// levels   each in [0, 1]
/// cost     one sort
std::vector<double> quantiles(std::vector<double> values, const std::vector<double>& levels);

/// Straight line y = intercept + slope x through points, least squares with equal weights.
struct LineFit {
  double intercept;
  double slope;
  double slope_standard_error;  ///< from the residuals; 0 for two points
};
LineFit fit_line(const std::vector<double>& x, const std::vector<double>& y);

/// Order p of error = C h^p, fitted on log scales; the errors must not be 0.
LineFit fit_order(const std::vector<double>& step_sizes, const std::vector<double>& errors);

/// Straight line through points with independent standard errors, least squares weighted by 1/error^2.
struct WeightedLineFit {
  double intercept, slope;
  double intercept_variance, slope_variance, covariance;  ///< from the standard errors alone
  double chi_square;                                      ///< of the residuals; points - 2 degrees of freedom

  double at(double x) const { return intercept + slope * x; }
  double standard_error_at(double x) const;
};
WeightedLineFit fit_weighted_line(const std::vector<double>& x, const std::vector<Estimate>& y);

/// Richardson extrapolation to eta = 0 of an estimate whose bias is proportional to eta, from two independent values.
///
///   (e1 v2 - e2 v1) / (e1 - e2) at learning rates e1 > e2
Estimate extrapolate_to_zero(double rate_1, const Estimate& value_1, double rate_2, const Estimate& value_2);

}  // namespace quasar
