#include "toy_models/ensemble_record.h"

#include <algorithm>

#include "core/errors.h"

namespace quasar {

void HistogramCounts::add(double value, double low, double high) {
  if (value < low) {
    ++below;
  } else if (value < high) {
    const double place = (value - low) / (high - low) * static_cast<double>(bins.size());
    ++bins[std::min(static_cast<std::size_t>(place), bins.size() - 1)];
  } else {
    ++above;
  }
}

void HistogramCounts::merge(const HistogramCounts& other) {
  for (std::size_t i = 0; i < bins.size(); ++i) bins[i] += other.bins[i];
  below += other.below;
  above += other.above;
}

std::vector<RunningMoments> moments_of_each(const RunningCovariance& moments) {
  std::vector<RunningMoments> result;
  for (std::size_t i = 0; i < moments.numbers(); ++i) result.push_back(moments.moments(i));
  return result;
}

EnsembleRecord join_shards(const std::vector<EnsembleRecord>& shards) {
  EnsembleRecord whole = shards.front();
  for (std::size_t i = 1; i < shards.size(); ++i) {
    const EnsembleRecord& shard = shards[i];
    if (shard.step != whole.step || shard.round != whole.round || shard.slow_time != whole.slow_time ||
        shard.values.size() != whole.values.size() || shard.histograms.size() != whole.histograms.size())
      throw DataError("the shards' records are not of the same steps and observables");
    whole.left_domain += shard.left_domain;
    whole.left.insert(whole.left.end(), shard.left.begin(), shard.left.end());
    whole.subtrees.insert(whole.subtrees.end(), shard.subtrees.begin(), shard.subtrees.end());
    for (std::size_t o = 0; o < whole.values.size(); ++o) whole.values[o].merge(shard.values[o]);
    for (std::size_t h = 0; h < whole.histograms.size(); ++h) whole.histograms[h].merge(shard.histograms[h]);
    whole.paths.insert(whole.paths.end(), shard.paths.begin(), shard.paths.end());
  }
  whole.left.resize(std::min(whole.left.size(), EnsembleRecord::kMostNamed));
  whole.moments = sum_over_tree<RunningCovariance>(whole.subtrees);
  whole.observables = moments_of_each(whole.moments);
  return whole;
}

}  // namespace quasar
