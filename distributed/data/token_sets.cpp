#include "distributed/data/token_sets.h"

#include <glob.h>

#include <cmath>
#include <cstdio>
#include <filesystem>

#include "core/config.h"
#include "distributed/data/find_data.h"
#include "distributed/data/markov_tokens.h"

namespace quasar {
namespace {

using Path = std::filesystem::path;

constexpr int kBytes = 256, kGpt2 = 50257, kMostTokens = 1 << 16;
constexpr double kShareOfNanoGpt = 0.1;

/// The files that a name or a pattern stands for, in alphabetical order.
std::vector<Path> expand(const Config& config, const std::string& key, const std::string& pattern) {
  const std::string root = config.text("data.root", "");
  const Path path = root.empty() ? Path(pattern) : Path(root) / pattern;
  if (std::filesystem::exists(path)) return {path};  // a name may have a bracket in it
  glob_t found{};
  std::vector<Path> paths;
  if (::glob(path.c_str(), 0, nullptr, &found) == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (paths.empty()) config.fail(key, "no file is called " + path.string() + " or matches it");
  return paths;
}

/// Opens files, in order, and keeps them.
std::vector<TokenSpan> open(TokenSets& sets, const std::vector<Path>& paths, TokenFormat format) {
  std::vector<TokenSpan> spans;
  for (const Path& path : paths) {
    sets.files.push_back(std::make_unique<TokenFile>(path, format, sets.vocabulary));
    spans.push_back({sets.files.back().get(), 0, sets.files.back()->count()});
  }
  return spans;
}

std::vector<TokenSpan> open_listed(const Config& config, TokenSets& sets, const std::string& key, TokenFormat format) {
  std::vector<Path> paths;
  for (const std::string& pattern : config.texts(key))
    for (const Path& path : expand(config, key, pattern)) paths.push_back(path);
  if (paths.empty()) config.fail(key, "must name at least one file");
  return open(sets, paths, format);
}

/// Cuts the last `share` of all tokens off `spans`; returns it.
std::vector<TokenSpan> cut_end(std::vector<TokenSpan>& spans, double share) {
  std::int64_t total = 0;
  for (const TokenSpan& span : spans) total += span.count;
  auto left = static_cast<std::int64_t>(std::floor((1.0 - share) * static_cast<double>(total)));
  std::vector<TokenSpan> begin, end;
  for (const auto& [file, first, count] : spans) {
    const std::int64_t kept = std::min(left, count);
    left -= kept;
    if (kept > 0) begin.push_back({file, first, kept});
    if (kept < count) end.push_back({file, first + kept, count - kept});
  }
  spans = begin;
  return end;
}

double read_share(const Config& config) { return config.number("data.test_share", {0.0, 1.0, false}, kShareOfNanoGpt); }

void read_procedural(const Config& config, TokenSets& sets) {
  constexpr int kVocabulary = 64, kTrain = 6000, kTest = 500;
  constexpr double kMostWindows = 1e9;
  sets.name = sets.source = "procedural_tokens";
  sets.vocabulary = static_cast<int>(config.integer("data.vocabulary", between(4, kMostTokens), kVocabulary));
  const auto windows = [&](Split split, const std::string& key, std::int64_t count) {
    return std::make_unique<MarkovWindows>(split, config.integer(key, between(1, kMostWindows), count), sets.context,
                                           sets.vocabulary);
  };
  sets.train = windows(Split::train, "data.procedural_train", kTrain);
  sets.test = windows(Split::test, "data.procedural_test", kTest);
  sets.entropy_rate = MarkovWindows::entropy_rate();
}

void read_files(const Config& config, TokenSets& sets) {
  const TokenFormat format = sets.name == "text"      ? TokenFormat::text
                             : sets.name == "nanogpt" ? TokenFormat::nanogpt
                                                      : TokenFormat::llmc;
  sets.vocabulary = kBytes;
  if (format != TokenFormat::text)
    sets.vocabulary = static_cast<int>(config.integer("data.vocabulary", between(2, kMostTokens), kGpt2));
  std::vector<TokenSpan> train = open_listed(config, sets, "data.train", format), test;
  if (config.has("data.test")) {
    if (config.has("data.test_share")) config.fail("data.test_share", "contradicts data.test; give one");
    test = open_listed(config, sets, "data.test", format);
  } else {
    test = cut_end(train, read_share(config));
  }
  sets.source = sets.files.front()->path().string();
  if (sets.files.size() > 1) sets.source += " and " + std::to_string(sets.files.size() - 1) + " more";
  sets.train = std::make_unique<FileWindows>(std::move(train), sets.context);
  sets.test = std::make_unique<FileWindows>(std::move(test), sets.context);
}

void read_named(const Config& config, TokenSets& sets) {
  const auto folder = find_dataset(sets.name, config.text("data.root", ""), Download::never);
  if (!folder) {
    std::fprintf(stderr, "%s cannot be had here: using the built-in procedural_tokens instead\n", sets.name.c_str());
    config.ignore({"data.test_share"});
    read_procedural(config, sets);
    config.substitute("data.name", sets.name);
    return;
  }
  sets.vocabulary = kBytes;
  sets.source = folder->string();
  std::vector<TokenSpan> train, test;
  if (sets.name == "tiny_shakespeare") {
    train = open(sets, {*folder / "tinyshakespeare.txt"}, TokenFormat::text);
    test = cut_end(train, read_share(config));
  } else {
    train = open(sets, {*folder / "wikitext-2-valid.txt"}, TokenFormat::text);
    test = open(sets, {*folder / "wikitext-2-test.txt"}, TokenFormat::text);
  }
  sets.train = std::make_unique<FileWindows>(std::move(train), sets.context);
  sets.test = std::make_unique<FileWindows>(std::move(test), sets.context);
}

}  // namespace

const std::vector<std::string>& token_set_names() {
  static const std::vector<std::string> names = {
      "text", "llmc", "nanogpt", "tiny_shakespeare", "wikitext2", "procedural_tokens"};
  return names;
}

TokenSets TokenSets::read(const Config& config) {
  constexpr int kContext = 128, kMostContext = 1 << 20;
  TokenSets sets;
  sets.name = config.choice("data.name", token_set_names(), std::string("tiny_shakespeare"));
  sets.context = config.integer("data.context", between(1, kMostContext), kContext);
  if (sets.name == "procedural_tokens")
    read_procedural(config, sets);
  else if (sets.name == "tiny_shakespeare" || sets.name == "wikitext2")
    read_named(config, sets);
  else
    read_files(config, sets);
  config.forget_replaced("data.name", {"data.root", "data.train", "data.test", "data.test_share", "data.vocabulary",
                                       "data.procedural_train", "data.procedural_test"});
  return sets;
}

}  // namespace quasar
