#include "distributed/data/markov_tokens.h"

#include <array>
#include <numbers>
#include <numeric>
#include <utility>

#include "core/random.h"
#include "distributed/data/word_hash.h"

namespace quasar {
namespace {

constexpr std::uint64_t kSeed = 4220;
// Draw::replica tells the streams apart.
constexpr std::uint32_t kTrain = 0, kTest = 1, kPermutation = 2;

Words draw(std::uint32_t stream, std::int64_t step, std::int64_t index) {
  return words({.seed = kSeed,
                .use = Use::procedural_tokens,
                .replica = stream,
                .step = static_cast<std::uint64_t>(step),
                .index = static_cast<std::uint32_t>(index)});
}

/// 0, 1, 2 or 3 with probability 1/2, 1/4, 1/8, 1/8: leading zero bits, at most 3.
std::int64_t branch(std::uint32_t word) {
  if (word >> 31 == 1) return 0;
  if (word >> 30 == 1) return 1;
  return word >> 29 == 1 ? 2 : 3;
}

}  // namespace

MarkovWindows::MarkovWindows(Split split, std::int64_t count, std::int64_t context, int vocabulary)
    : split_(split), count_(count), context_(context), permutation_(static_cast<std::size_t>(vocabulary)) {
  std::iota(permutation_.begin(), permutation_.end(), std::int64_t{0});
  for (std::size_t i = permutation_.size(); i-- > 1;) {
    const Words random = draw(kPermutation, static_cast<std::int64_t>(i), 0);
    std::swap(permutation_[i], permutation_[uniform_below(random.w[0], static_cast<std::uint32_t>(i + 1))]);
  }
}

double MarkovWindows::entropy_rate() { return 1.75 * std::numbers::ln2; }

void MarkovWindows::read(std::int64_t window, std::int64_t* tokens) const {
  const std::uint32_t stream = split_ == Split::train ? kTrain : kTest;
  const auto vocabulary = static_cast<std::int64_t>(permutation_.size());
  Words random = draw(stream, window, 0);
  tokens[0] = uniform_below(random.w[0], static_cast<std::uint32_t>(vocabulary));
  for (std::int64_t i = 1; i <= context_; ++i) {
    if (i % 4 == 0) random = draw(stream, window, i / 4);
    const std::int64_t next = permutation_[static_cast<std::size_t>(tokens[i - 1])];
    tokens[i] = (next + branch(random.w[i % 4])) % vocabulary;
  }
}

std::uint64_t MarkovWindows::hash() const {
  std::uint64_t hash = 0;
  for (const std::int64_t word : {count_, context_, static_cast<std::int64_t>(permutation_.size())})
    hash = hash_word(hash, static_cast<std::uint64_t>(word));
  for (const std::int64_t token : permutation_) hash = hash_word(hash, static_cast<std::uint64_t>(token));
  return hash;
}

double MarkovWindows::probability(std::int64_t from, std::int64_t to) const {
  constexpr std::array<double, 4> kProbabilities = {0.5, 0.25, 0.125, 0.125};
  const auto vocabulary = static_cast<std::int64_t>(permutation_.size());
  const std::int64_t c = (to - permutation_[static_cast<std::size_t>(from)] + vocabulary) % vocabulary;
  return c < 4 ? kProbabilities[static_cast<std::size_t>(c)] : 0.0;
}

}  // namespace quasar
