#pragma once

#include "distributed/data/split.h"
#include "distributed/data/token_windows.h"

namespace quasar {

/// A built-in text whose entropy is known: windows of a stationary Markov chain, so that everything works without data.
///
///   P(s -> pi(s) + c mod V) = 1/2, 1/4, 1/8, 1/8      for c = 0, 1, 2, 3 and a random permutation pi of the V tokens
///
/// Every column sums to 1 too, so tokens are uniform: a model of single tokens cannot do better than ln V. The entropy
/// rate, below which no model's expected loss comes and which a model of pairs reaches, is 7/4 ln 2 = 1.2130 nats.
/// Window i is a pure function of (split, i), independent of the others.
class MarkovWindows final : public TokenWindows {
 public:
  /// vocabulary  V >= 4
  MarkovWindows(Split split, std::int64_t count, std::int64_t context, int vocabulary);

  static double entropy_rate();  ///< in nats a token

  std::int64_t count() const override { return count_; }
  void read(std::int64_t window, std::int64_t* tokens) const override;
  std::uint64_t hash() const override;

  /// P(from -> to).
  double probability(std::int64_t from, std::int64_t to) const;

 private:
  Split split_;
  std::int64_t count_, context_;
  std::vector<std::int64_t> permutation_;  // pi
};

}  // namespace quasar
