#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/estimate.h"
#include "core/rounded_sample.h"
#include "core/running_covariance.h"
#include "toy_models/block_tree.h"

namespace quasar {

/// How many values are in each of equally wide bins, and outside.
struct HistogramCounts {
  std::vector<std::int64_t> bins;
  std::int64_t below = 0;
  std::int64_t above = 0;  ///< at the upper end or beyond

  void add(double value, double low, double high);  ///< not a number: counted as above
  void merge(const HistogramCounts& other);
};

/// The ensemble, or one shard of it, after some round. Averages and counts are over the replicas still in the domain.
struct EnsembleRecord {
  static constexpr std::size_t kMostNamed = 20;

  std::int64_t step = 0;                    ///< steps done
  std::int64_t round = 0;                   ///< rounds done
  double slow_time = 0.0;                   ///< sum of eta^2 over the steps done
  std::vector<RunningMoments> observables;  ///< those of `moments`
  /// Replicas that were ever not finite, beyond kDomainBound or, at a record, without Phi; not averaged.
  std::int64_t left_domain = 0;
  std::vector<std::int64_t> left;  ///< the first kMostNamed of them

  RunningCovariance moments;  ///< of the observables, by sum_over_tree
  std::vector<SubtreeSum<RunningCovariance>> subtrees;
  std::vector<RoundedSample> values;        ///< of each observable, if they were asked for
  std::vector<HistogramCounts> histograms;  ///< those asked for
  std::vector<std::vector<double>> paths;   ///< the averages of the first replicas; empty for those that left
};

/// The record of the whole ensemble from those of all its shards, in order: the bits that it has when run in one piece.
///
/// Throws DataError if they are not of the same step and observables.
/// Not checked: that their subtrees follow one another, and are of as many numbers.
EnsembleRecord join_shards(const std::vector<EnsembleRecord>& shards);

/// Moments of each observable.
std::vector<RunningMoments> moments_of_each(const RunningCovariance& moments);

}  // namespace quasar
