#include "distributed/data/token_windows.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/errors.h"
#include "distributed/data/word_hash.h"

namespace quasar {

FileWindows::FileWindows(std::vector<TokenSpan> spans, std::int64_t context)
    : spans_(std::move(spans)), context_(context) {
  std::int64_t windows = 0;
  for (const TokenSpan& span : spans_) {
    if (span.count < context_ + 1)
      throw DataError(span.file->path().string() + ": has " + std::to_string(span.count) + " tokens from token " +
                      std::to_string(span.first) + " on, less than one window of data.context + 1 = " +
                      std::to_string(context_ + 1) + "; choose a shorter data.context or leave the file out");
    windows += (span.count - 1) / context_;
    ends_.push_back(windows);
  }
  if (spans_.empty()) throw DataError("no files of tokens were given");
}

void FileWindows::read(std::int64_t window, std::int64_t* tokens) const {
  const auto end = std::upper_bound(ends_.begin(), ends_.end(), window);
  const TokenSpan& span = spans_[static_cast<std::size_t>(end - ends_.begin())];
  const std::int64_t before = end == ends_.begin() ? 0 : *(end - 1);
  span.file->read(span.first + (window - before) * context_, context_ + 1, tokens);
}

std::uint64_t FileWindows::hash() const {
  std::uint64_t hash = hash_word(0, static_cast<std::uint64_t>(context_));
  for (const TokenSpan& span : spans_)
    for (const std::uint64_t word :
         {span.file->hash(), static_cast<std::uint64_t>(span.first), static_cast<std::uint64_t>(span.count)})
      hash = hash_word(hash, word);
  return hash;
}

}  // namespace quasar
