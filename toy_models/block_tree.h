#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace quasar {

/// A node of the binary tree over all blocks of replicas: it stands for 2^level blocks.
struct Subtree {
  int level;
  std::int64_t index;

  std::int64_t first() const { return index << level; }
  std::int64_t end() const { return (index + 1) << level; }
  bool operator==(const Subtree&) const = default;
};

/// What the blocks of a subtree add up to.
template <class Sum>
struct SubtreeSum {
  Subtree subtree;
  Sum sum;
};

/// The fewest subtrees, in order, that make up the blocks first, ..., end - 1.
inline std::vector<Subtree> subtrees_of(std::int64_t first, std::int64_t end, int highest_level = 40) {
  std::vector<Subtree> result;
  while (first < end) {
    int level = highest_level;
    if (first > 0) level = std::min(level, std::countr_zero(static_cast<std::uint64_t>(first)));
    while (first + (std::int64_t{1} << level) > end) --level;
    result.push_back({level, first >> level});
    first += std::int64_t{1} << level;
  }
  return result;
}

/// The sum over all blocks: every node of the tree merges its left child with its right one.
///
/// Where only one child has blocks, its sum goes up as it is. So sums of floating-point numbers have the same bits
/// however the blocks were dealt out, as long as each part has handed over whole subtrees.
/// parts  in order, not overlapping, at least one
/// cost   one merge less than there are parts
template <class Sum>
Sum sum_over_tree(std::span<const SubtreeSum<Sum>> parts, Subtree root = {62, 0}) {
  if (parts.size() == 1) return parts.front().sum;
  const Subtree left{root.level - 1, 2 * root.index}, right{root.level - 1, 2 * root.index + 1};
  const auto middle =
      std::find_if(parts.begin(), parts.end(), [&](const auto& part) { return part.subtree.first() >= right.first(); });
  if (middle == parts.end()) return sum_over_tree(parts, left);
  if (middle == parts.begin()) return sum_over_tree(parts, right);
  Sum sum = sum_over_tree(std::span(parts.begin(), middle), left);
  sum.merge(sum_over_tree(std::span(middle, parts.end()), right));
  return sum;
}

}  // namespace quasar
