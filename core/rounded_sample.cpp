#include "core/rounded_sample.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace quasar {
namespace {

// The first 24 bits of a double are sign, exponent and 12 bits of the mantissa.
constexpr int kDroppedBits = 40;
constexpr std::size_t kMostPending = 65536;  // their bins stay in the cache while they are sorted

using Bins = std::vector<RoundedSample::Bin>;

Bins sum(const Bins& left, const Bins& right) {
  Bins result;
  result.reserve(left.size() + right.size());
  auto l = left.begin(), r = right.begin();
  while (l != left.end() && r != right.end()) {
    if (l->first == r->first) {
      result.emplace_back(l->first, l->second + r->second);
      ++l, ++r;
    } else {
      result.push_back(l->first < r->first ? *l++ : *r++);
    }
  }
  result.insert(result.end(), l, left.end());
  result.insert(result.end(), r, right.end());
  return result;
}

}  // namespace

std::int32_t RoundedSample::bin_of(double value) {
  const auto magnitude = std::bit_cast<std::uint64_t>(std::abs(value));
  const auto rounded =
      static_cast<std::int32_t>((magnitude + (std::uint64_t{1} << (kDroppedBits - 1))) >> kDroppedBits);
  return value < 0.0 ? -rounded : rounded;
}

double RoundedSample::value_of(std::int32_t bin) {
  const auto magnitude = std::bit_cast<double>(static_cast<std::uint64_t>(std::abs(bin)) << kDroppedBits);
  return bin < 0 ? -magnitude : magnitude;
}

void RoundedSample::add(double value) {
  if (std::isnan(value)) return;
  pending_.push_back(bin_of(value));
  if (pending_.size() >= kMostPending) flush();
}

void RoundedSample::flush() const {
  if (pending_.empty()) return;
  std::sort(pending_.begin(), pending_.end());
  Bins counted;
  for (const std::int32_t bin : pending_) {
    if (counted.empty() || counted.back().first != bin) counted.emplace_back(bin, 0);
    ++counted.back().second;
  }
  pending_.clear();
  bins_ = bins_.empty() ? std::move(counted) : sum(bins_, counted);
}

void RoundedSample::merge(const RoundedSample& other) { merge(other.bins()); }

void RoundedSample::merge(const std::vector<Bin>& bins) {
  flush();
  bins_ = sum(bins_, bins);
}

const std::vector<RoundedSample::Bin>& RoundedSample::bins() const {
  flush();
  return bins_;
}

std::vector<double> RoundedSample::quantiles(const std::vector<double>& levels) const {
  std::int64_t count = 0;
  for (const auto& [bin, number] : bins()) count += number;
  std::vector<double> result;
  if (count == 0) return std::vector<double>(levels.size(), std::numeric_limits<double>::quiet_NaN());
  auto at = bins_.begin();
  std::int64_t before = 0;  // values in the bins below
  for (const double level : levels) {
    const double place = level * static_cast<double>(count - 1);
    const auto below = static_cast<std::int64_t>(place);
    while (before + at->second <= below) before += (at++)->second;
    const double value = value_of(at->first);
    const bool same = before + at->second > below + 1 || below + 1 >= count;
    const double above = same ? value : value_of(std::next(at)->first);
    const double fraction = place - static_cast<double>(below);
    result.push_back(fraction == 0.0 || above == value ? value : value + fraction * (above - value));
  }
  return result;
}

}  // namespace quasar
