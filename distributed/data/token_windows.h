#pragma once

#include <cstdint>
#include <vector>

#include "distributed/data/token_file.h"

namespace quasar {

/// A text as samples: windows of `context` + 1 tokens, of which the first `context` predict the last `context`.
class TokenWindows {
 public:
  virtual ~TokenWindows() = default;

  virtual std::int64_t count() const = 0;
  /// Writes the context + 1 tokens of a window, whose number must be below count(); threads may read at once.
  virtual void read(std::int64_t window, std::int64_t* tokens) const = 0;
  /// 64 bits that identify the tokens.
  virtual std::uint64_t hash() const = 0;
};

/// Neighbouring tokens of a file.
struct TokenSpan {
  const TokenFile* file;
  std::int64_t first, count;
};

/// The tokens of spans, one after the other: window i of a span begins at its token i * context, so that every token but
/// the span's first is predicted once; what is left at its end, less than a window, is left out.
class FileWindows final : public TokenWindows {
 public:
  /// The files must outlive it. Throws DataError naming a file of which there is less than one window.
  FileWindows(std::vector<TokenSpan> spans, std::int64_t context);

  std::int64_t count() const override { return ends_.back(); }
  void read(std::int64_t window, std::int64_t* tokens) const override;
  std::uint64_t hash() const override;

 private:
  std::vector<TokenSpan> spans_;
  std::vector<std::int64_t> ends_;  // windows in all spans up to this one
  std::int64_t context_;
};

}  // namespace quasar
