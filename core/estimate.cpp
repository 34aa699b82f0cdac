#include "core/estimate.h"

#include <algorithm>
#include <cmath>

namespace quasar {

void RunningMoments::add(double value) {
  ++count_;
  const double delta = value - mean_;
  mean_ += delta / static_cast<double>(count_);
  sum_of_squares_ += delta * (value - mean_);
}

void RunningMoments::merge(const RunningMoments& other) {
  if (other.count_ == 0) return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  const auto n = static_cast<double>(count_);
  const auto m = static_cast<double>(other.count_);
  const double delta = other.mean_ - mean_;
  count_ += other.count_;
  mean_ += delta * m / (n + m);
  sum_of_squares_ += other.sum_of_squares_ + delta * delta * n * m / (n + m);
}

double RunningMoments::variance() const { return count_ < 2 ? 0.0 : sum_of_squares_ / static_cast<double>(count_ - 1); }

double RunningMoments::standard_deviation() const { return std::sqrt(variance()); }

Estimate RunningMoments::estimate() const {
  if (count_ == 0) return {};
  return {mean_, std::sqrt(variance() / static_cast<double>(count_))};
}

std::vector<double> quantiles(std::vector<double> values, const std::vector<double>& levels) {
  std::sort(values.begin(), values.end());
  std::vector<double> result;
  for (const double level : levels) {
    if (values.empty()) {
      result.push_back(std::nan(""));
      continue;
    }
    const double place = level * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    result.push_back(values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]));
  }
  return result;
}

LineFit fit_line(const std::vector<double>& x, const std::vector<double>& y) {
  const auto n = static_cast<double>(x.size());
  double mean_x = 0.0, mean_y = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / n;
    mean_y += y[i] / n;
  }
  double sxx = 0.0, sxy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sxx += (x[i] - mean_x) * (x[i] - mean_x);
    sxy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  LineFit fit{};
  fit.slope = sxy / sxx;
  fit.intercept = mean_y - fit.slope * mean_x;
  double residual = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double r = y[i] - fit.intercept - fit.slope * x[i];
    residual += r * r;
  }
  fit.slope_standard_error = x.size() > 2 ? std::sqrt(residual / (n - 2.0) / sxx) : 0.0;
  return fit;
}

LineFit fit_order(const std::vector<double>& step_sizes, const std::vector<double>& errors) {
  std::vector<double> log_steps, log_errors;
  for (std::size_t i = 0; i < step_sizes.size(); ++i) {
    log_steps.push_back(std::log(step_sizes[i]));
    log_errors.push_back(std::log(std::abs(errors[i])));
  }
  return fit_line(log_steps, log_errors);
}

double WeightedLineFit::standard_error_at(double x) const {
  return std::sqrt(std::max(0.0, intercept_variance + 2.0 * x * covariance + x * x * slope_variance));
}

WeightedLineFit fit_weighted_line(const std::vector<double>& x, const std::vector<Estimate>& y) {
  double sum = 0.0, sum_x = 0.0, sum_y = 0.0, sum_xx = 0.0, sum_xy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double weight = 1.0 / (y[i].standard_error * y[i].standard_error);
    sum += weight;
    sum_x += weight * x[i];
    sum_y += weight * y[i].mean;
    sum_xx += weight * x[i] * x[i];
    sum_xy += weight * x[i] * y[i].mean;
  }
  const double determinant = sum * sum_xx - sum_x * sum_x;
  WeightedLineFit fit{};
  fit.slope = (sum * sum_xy - sum_x * sum_y) / determinant;
  fit.intercept = (sum_y - fit.slope * sum_x) / sum;
  fit.intercept_variance = sum_xx / determinant;
  fit.slope_variance = sum / determinant;
  fit.covariance = -sum_x / determinant;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double pull = (y[i].mean - fit.at(x[i])) / y[i].standard_error;
    fit.chi_square += pull * pull;
  }
  return fit;
}

Estimate extrapolate_to_zero(double rate_1, const Estimate& value_1, double rate_2, const Estimate& value_2) {
  const double weight_1 = -rate_2 / (rate_1 - rate_2);
  const double weight_2 = rate_1 / (rate_1 - rate_2);
  return {weight_1 * value_1.mean + weight_2 * value_2.mean,
          std::hypot(weight_1 * value_1.standard_error, weight_2 * value_2.standard_error)};
}

}  // namespace quasar
