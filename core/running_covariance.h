#pragma once

#include <cstdint>
#include <vector>

#include "core/estimate.h"

namespace quasar {

/// Means and covariances of several numbers observed together, in one pass; each number's own moments are those that
/// RunningMoments has, to the bit (Welford; merging as Chan, Golub and LeVeque 1983).
///
/// cost  p (p + 1) / 2 + p doubles for p numbers; as many multiply-adds a value or merge
class RunningCovariance {
 public:
  explicit RunningCovariance(std::size_t numbers = 0) : mean_(numbers), products_(numbers * (numbers + 1) / 2) {}
  /// What state() of another one has given.
  RunningCovariance(std::int64_t count, std::vector<double> mean, std::vector<double> products)
      : count_(count), mean_(std::move(mean)), products_(std::move(products)) {}

  /// Not checked: that there are as many values as numbers.
  void add(const std::vector<double>& values);
  /// With nothing on either side the other side stays as it is, to the bit.
  void merge(const RunningCovariance& other);

  std::size_t numbers() const { return mean_.size(); }
  std::int64_t count() const { return count_; }
  RunningMoments moments(std::size_t i) const { return {count_, mean_[i], products_[place(i, i)]}; }
  double covariance(std::size_t i, std::size_t j) const;  ///< n - 1 in the denominator; 0 for fewer than two values

  // The state: with the count all that a copy needs.
  const std::vector<double>& mean() const { return mean_; }
  const std::vector<double>& products() const { return products_; }  ///< of differences from the means; i >= j by rows

 private:
  static std::size_t place(std::size_t i, std::size_t j) { return i >= j ? i * (i + 1) / 2 + j : place(j, i); }

  std::int64_t count_ = 0;
  std::vector<double> mean_;
  std::vector<double> products_;
};

}  // namespace quasar
