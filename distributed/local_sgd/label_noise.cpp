#include "distributed/local_sgd/label_noise.h"

#include "core/random.h"

namespace quasar {
namespace {

constexpr int kWordsPerDraw = 4;
constexpr int kBitsPerDraw = 128;

}  // namespace

LabelNoiseDraws::LabelNoiseDraws(std::uint64_t seed, int first_replica, int replicas, int batch, int outputs,
                                 int samples)
    : seed_(seed),
      first_replica_(first_replica),
      replicas_(replicas),
      batch_(batch),
      outputs_(outputs),
      count_(samples),
      samples_(static_cast<std::size_t>(replicas) * batch),
      signs_(samples_.size() * outputs) {}

void LabelNoiseDraws::draw(std::int64_t step, int worker) {
  Words bits{};
  std::size_t sample = 0, sign = 0;
  for (int replica = 0; replica < replicas_; ++replica) {
    Draw name{.seed = seed_,
              .use = Use::sample_choice,
              .replica = static_cast<std::uint32_t>(first_replica_ + replica),
              .step = static_cast<std::uint64_t>(step),
              .lane = static_cast<std::uint32_t>(worker)};
    for (int j = 0; j < batch_; ++j) {
      name.index = static_cast<std::uint32_t>(j / kWordsPerDraw);
      if (j % kWordsPerDraw == 0) bits = words(name);
      samples_[sample++] = uniform_below(bits.w[j % kWordsPerDraw], static_cast<std::uint32_t>(count_));
    }
    name.use = Use::label_noise;
    for (int j = 0; j < batch_ * outputs_; ++j) {
      name.index = static_cast<std::uint32_t>(j / kBitsPerDraw);
      const int bit = j % kBitsPerDraw;
      if (bit == 0) bits = words(name);
      signs_[sign++] = (bits.w[bit / 32] >> (bit % 32)) & 1u ? 1.0 : -1.0;
    }
  }
}

}  // namespace quasar
