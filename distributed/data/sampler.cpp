#include "distributed/data/sampler.h"

#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "core/errors.h"
#include "core/random.h"

namespace quasar {
namespace {

// Draw::replica tells the permutations of one run apart.
constexpr std::uint32_t kAllSamples = 0, kShards = 1, kFirstWorker = 2;

/// Fisher and Yates (Durstenfeld's form), its i-th exchange drawn by (seed, stream, epoch, i).
void shuffle(std::span<std::uint32_t> samples, std::uint64_t seed, std::uint32_t stream, std::int64_t epoch) {
  Words random{};
  for (std::size_t i = samples.size(); i-- > 1;) {
    // One block of four words serves places 2k and 2k + 1.
    const std::size_t block = i / 2;
    if (i % 2 == 1 || i + 1 == samples.size())
      random = words({.seed = seed,
                      .use = Use::sample_order,
                      .replica = stream,
                      .step = static_cast<std::uint64_t>(epoch),
                      .lane = static_cast<std::uint32_t>(block >> 24),
                      .index = static_cast<std::uint32_t>(block & 0xffffff)});
    const std::size_t first = 2 * (i % 2);
    std::swap(samples[i],
              samples[uniform_below(random.w[first], random.w[first + 1], static_cast<std::uint32_t>(i + 1))]);
  }
}

std::vector<std::uint32_t> file_order(std::int64_t count) {
  std::vector<std::uint32_t> samples(static_cast<std::size_t>(count));
  std::iota(samples.begin(), samples.end(), 0u);
  return samples;
}

}  // namespace

Sampler::Sampler(const SamplerOptions& options, std::int64_t samples) : options_(options), samples_(samples) {
  if (samples < 1) throw ConfigError("data.*: the data set is empty; choose another data.name or more images");
  if (samples > std::numeric_limits<std::uint32_t>::max())
    throw DataError("the data set has " + std::to_string(samples) + " samples; at most 2^32 - 1 can be ordered");
}

void Sampler::check(int num_workers, std::int64_t local_batch) const {
  if (num_workers < 1 || local_batch < 1) throw ConfigError("workers.count and batch.local_size must be at least 1");
  const bool too_few = options_.epoch == EpochEnd::drop && options_.kind != SampleOrder::replacement
                           ? epoch_length(num_workers) / num_workers < local_batch
                           : options_.kind == SampleOrder::partition && samples_ < num_workers;
  if (too_few)
    throw ConfigError("data.*: " + std::to_string(samples_) + " samples are too few for workers.count = " +
                      std::to_string(num_workers) + " with batch.local_size = " + std::to_string(local_batch) +
                      (options_.epoch == EpochEnd::drop
                           ? ": with data.epoch = drop an epoch would hold no whole batch; "
                             "take fewer workers, smaller batches or data.epoch = straddle"
                           : ": a worker would have no sample; take fewer workers or "
                             "data.order = reshuffle"));
}

std::int64_t Sampler::epoch_length(int num_workers) const {
  const bool equal_shards = options_.kind == SampleOrder::partition && options_.epoch == EpochEnd::drop;
  return equal_shards ? samples_ / num_workers * num_workers : samples_;
}

double Sampler::steps_per_epoch(int num_workers, std::int64_t local_batch) const {
  const std::int64_t batch = num_workers * local_batch, length = epoch_length(num_workers);
  if (options_.epoch == EpochEnd::drop && options_.kind != SampleOrder::replacement)
    return static_cast<double>(length / batch);
  return static_cast<double>(length) / static_cast<double>(batch);
}

std::int64_t Sampler::start(std::int64_t position, int num_workers, std::int64_t local_batch) const {
  // Partition deals places to the workers in turn; after a change of K the next turn starts with worker 0.
  if (options_.kind == SampleOrder::partition) position = (position + num_workers - 1) / num_workers * num_workers;
  if (options_.epoch == EpochEnd::straddle || options_.kind == SampleOrder::replacement) return position;
  const std::int64_t length = epoch_length(num_workers), place = position % length;
  return place + num_workers * local_batch <= length ? position : position - place + length;
}

std::int64_t Sampler::take(std::int64_t position, int worker, int num_workers, std::int64_t local_batch,
                           std::vector<Visit>& visits) {
  check(num_workers, local_batch);
  const std::int64_t first = start(position, num_workers, local_batch);
  visits.clear();
  for (std::int64_t i = 0; i < local_batch; ++i) {
    if (options_.kind == SampleOrder::partition) {
      // Shards differ by one sample where K does not divide N; with drop a worker uses floor(N/K) of its own an epoch.
      const std::int64_t turn = first / num_workers + i;
      const std::int64_t shard_size = samples_ * (worker + 1) / num_workers - samples_ * worker / num_workers;
      const std::int64_t used = options_.epoch == EpochEnd::drop ? samples_ / num_workers : shard_size;
      const Order& order = shard_order(worker, num_workers, turn / used);
      visits.push_back(
          {order.samples[static_cast<std::size_t>(turn % used)], turn * num_workers + worker, turn / used});
      continue;
    }
    const std::int64_t place = first + worker * local_batch + i, epoch = place / samples_;
    if (options_.kind == SampleOrder::replacement) {
      const Words random = words({.seed = options_.seed,
                                  .use = Use::sample_order,
                                  .replica = kAllSamples,
                                  .step = static_cast<std::uint64_t>(place)});
      visits.push_back({uniform_below(random.w[0], random.w[1], static_cast<std::uint32_t>(samples_)), place, epoch});
    } else {
      visits.push_back({shared_order(epoch).samples[static_cast<std::size_t>(place % samples_)], place, epoch});
    }
  }
  return first + num_workers * local_batch;
}

const Sampler::Order& Sampler::shared_order(std::int64_t epoch) {
  orders_.resize(2);
  Order& order = orders_[static_cast<std::size_t>(epoch % 2)];
  if (order.epoch != epoch) {
    order = {.epoch = epoch, .num_workers = 0, .samples = file_order(samples_)};
    shuffle(order.samples, options_.seed, kAllSamples, epoch);
  }
  return order;
}

const Sampler::Order& Sampler::shard_order(int worker, int num_workers, std::int64_t epoch) {
  if (shards_.empty()) {
    shards_ = file_order(samples_);
    shuffle(shards_, options_.seed, kShards, 0);
  }
  const auto slot = static_cast<std::size_t>(2 * worker + epoch % 2);
  if (slot >= orders_.size()) orders_.resize(slot + 1);
  Order& order = orders_[slot];
  if (order.epoch != epoch || order.num_workers != num_workers) {
    order.epoch = epoch;
    order.num_workers = num_workers;
    order.samples.assign(shards_.begin() + samples_ * worker / num_workers,
                         shards_.begin() + samples_ * (worker + 1) / num_workers);
    shuffle(order.samples, options_.seed, kFirstWorker + static_cast<std::uint32_t>(worker), epoch);
  }
  return order;
}

}  // namespace quasar
