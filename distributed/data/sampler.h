#pragma once

#include <cstdint>
#include <vector>

namespace quasar {

/// How samples are drawn.
enum class SampleOrder {
  reshuffle,   ///< all workers share one permutation an epoch, each sample once
  partition,   ///< every worker keeps a fixed random shard and permutes it each epoch
  replacement  ///< independent uniform draws, as theory assumes
};

/// What happens where an epoch does not hold a whole number of batches.
enum class EpochEnd {
  straddle,  ///< a batch goes on into the next epoch, so that every sample is visited in every epoch
  drop       ///< a global batch that no longer fits into its epoch starts the next one instead
};

struct SamplerOptions {
  SampleOrder kind = SampleOrder::reshuffle;
  EpochEnd epoch = EpochEnd::straddle;
  std::uint64_t seed = 0;
};

/// One sample on its way into a batch.
struct Visit {
  std::int64_t sample;    ///< index in the data set
  std::int64_t position;  ///< in the run's stream of visits; names the visit's random draws
  std::int64_t epoch;     ///< how often all of the data (partition: of the worker's shard) has been gone through

  bool operator==(const Visit&) const = default;
};

/// The order in which K workers visit a data set: a pure function of (seed, position).
///
/// A run is one infinite stream of visits, epoch after epoch. `position` is a place in it and all the state there is; a
/// step of K workers with b samples each covers the K b places from start() on:
///   reshuffle    worker w takes places w b ... (w + 1) b - 1 of them; place p is sample permutation_{p / N}[p mod N]
///   partition    worker w takes places w, w + K, w + 2 K, ... of them, the next b samples of its own shard
///   replacement  as reshuffle, but every place draws its sample uniformly
/// So neither the batch nor (but for partition, whose shards belong to K) the number of workers changes what stands at
/// a place, and both may change between steps.
///
/// drop leaves out the end of an epoch that is shorter than the global batch *of the step that comes to it*: start()
/// then moves to the next epoch's first place, which is N times its number (partition: K floor(N/K) times). An epoch
/// visits each sample at most once, whatever the batches; skipped places count in positions, not as samples taken.
/// drop has no meaning for replacement and is ignored there.
///
/// An object caches the current permutations (8 bytes a sample), so it belongs to one thread; workers simulated in one
/// thread share one.
class Sampler {
 public:
  /// throws  ConfigError for an empty set, DataError for one of 2^32 samples or more
  Sampler(const SamplerOptions& options, std::int64_t samples);

  /// throws  ConfigError if there are too few samples for these workers and batch
  void check(int num_workers, std::int64_t local_batch) const;

  /// The first place of the step that is taken at `position`: `position` itself unless drop skips the epoch's end.
  std::int64_t start(std::int64_t position, int num_workers, std::int64_t local_batch) const;

  /// Replaces `visits` by the local_batch visits of one worker in the step at `position`; returns the next step's
  /// position, equal for all workers.
  std::int64_t take(std::int64_t position, int worker, int num_workers, std::int64_t local_batch,
                    std::vector<Visit>& visits);

  /// Places in an epoch: N, or K floor(N/K) for partition with drop.
  std::int64_t epoch_length(int num_workers) const;

  /// Steps of this batch in an epoch: a whole number with drop, N / (K b) as it is otherwise.
  double steps_per_epoch(int num_workers, std::int64_t local_batch) const;

 private:
  struct Order {
    std::int64_t epoch = -1;
    int num_workers = 0;
    std::vector<std::uint32_t> samples;
  };
  const Order& shared_order(std::int64_t epoch);
  const Order& shard_order(int worker, int num_workers, std::int64_t epoch);

  SamplerOptions options_;
  std::int64_t samples_;
  std::vector<std::uint32_t> shards_;  // all samples; worker w's shard is a slice
  std::vector<Order> orders_;          // two a stream: a batch may need this epoch and the next
};

}  // namespace quasar
