#include "distributed/data/token_file.h"

#include "core/errors.h"
#include "tests/distributed/token_files.h"
#include "tests/fuzz/fuzz.h"

namespace quasar::fuzz {
namespace {

constexpr int kVocabulary = 1000;

}  // namespace

std::vector<std::string> seeds() {
  std::vector<std::string> texts;
  for (const auto& bytes : {llmc_bytes(counting(40), 40), llmc_bytes({}, 0), nanogpt_bytes(counting(40))})
    texts.emplace_back(bytes.begin(), bytes.end());
  return texts;
}

void parse(const std::string& input) {
  static const InputFile file("some.bin");
  const auto& path = file.holding(input);
  for (const TokenFormat format : {TokenFormat::text, TokenFormat::nanogpt, TokenFormat::llmc}) {
    try {
      const TokenFile tokens(path, format, kVocabulary);
      if (tokens.count() > static_cast<std::int64_t>(input.size())) throw std::logic_error("more tokens than bytes");
      std::vector<std::int64_t> values(static_cast<std::size_t>(tokens.count()), -1);
      tokens.read(0, tokens.count(), values.data());
      for (const std::int64_t value : values)
        if (value < 0 || value >= kVocabulary) throw std::logic_error("a token outside the vocabulary");
      tokens.hash();
    } catch (const Error&) {
      if (format != TokenFormat::nanogpt) throw;  // every file is a text
    }
  }
}

}  // namespace quasar::fuzz
