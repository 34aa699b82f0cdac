#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace quasar {

/// A sample of which only counts of rounded values are kept, so that it takes little memory, can be filled in any order
/// and merges exactly: quantiles of many numbers in one pass.
///
/// A value is rounded to 13 significant bits, to one of 2^12 steps between powers of two: by less than 2^-13 of itself
/// (0.012 %). The sums are integers, so the same values give the same state whatever their order and grouping.
/// cost  16 bytes a distinct rounded value; about 50 ns a value
class RoundedSample {
 public:
  /// The index of a rounded value, which grows with it, and how many there are.
  using Bin = std::pair<std::int32_t, std::int64_t>;

  void add(double value);  ///< not a number: left out
  void merge(const RoundedSample& other);
  void merge(const std::vector<Bin>& bins);

  /// In increasing order.
  const std::vector<Bin>& bins() const;

  /// Quantiles of the rounded values, linear between order statistics as those of quantiles(); NaN for no values.
  ///
  /// levels  each in [0, 1], increasing
  /// cost    one pass over the bins
  std::vector<double> quantiles(const std::vector<double>& levels) const;

 private:
  static std::int32_t bin_of(double value);
  static double value_of(std::int32_t bin);
  void flush() const;

  mutable std::vector<std::int32_t> pending_;  ///< bins of values that are not counted yet
  mutable std::vector<Bin> bins_;
};

}  // namespace quasar
