#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "distributed/data/token_windows.h"

namespace quasar {

class Config;

/// What `data.name` may be for text.
const std::vector<std::string>& token_set_names();

/// Both splits of a text.
struct TokenSets {
  std::string name;  ///< of the set that was really loaded
  std::string source;
  int vocabulary = 0;
  std::int64_t context = 0;
  std::vector<std::unique_ptr<TokenFile>> files;
  std::unique_ptr<TokenWindows> train, test;
  std::optional<double> entropy_rate;  ///< in nats a token, where it is known

  /// Reads `data.name`, `.root`, `.context` and what belongs to the name:
  ///
  ///   text, nanogpt, llmc   files `.train` and `.test`, or the last `.test_share` of `.train`; names or patterns, below
  ///                         `.root` if it is given, those of a pattern in alphabetical order; `.vocabulary` but for text
  ///   tiny_shakespeare      bytes; the last `.test_share` (0.1, as nanoGPT has it) tests
  ///   wikitext2             bytes; its valid text trains and its test text tests, since train is not in the collection
  ///   procedural_tokens     `.vocabulary`, `.procedural_train` and `.procedural_test` windows (markov_tokens.h)
  ///
  /// The last replaces one of the two above it that cannot be had, with one line on stderr.
  /// throws  ConfigError, or DataError for a file that is damaged or too short
  static TokenSets read(const Config& config);
};

}  // namespace quasar
