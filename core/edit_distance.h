#pragma once

#include <string>
#include <vector>

namespace quasar {

/// Fewest insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
std::size_t edit_distance(const std::string& a, const std::string& b);

/// The candidate closest to the word, at most three edits away; empty if there is none.
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace quasar
