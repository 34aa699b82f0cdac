#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace quasar {

/// Interval that a number must lie in.
struct Bounds {
  double low = -std::numeric_limits<double>::max();
  double high = std::numeric_limits<double>::max();
  bool low_is_allowed = true;
};
inline Bounds positive() { return {0.0, std::numeric_limits<double>::max(), false}; }
inline Bounds at_least(double low) { return {low, std::numeric_limits<double>::max(), true}; }
inline Bounds greater_than(double low) { return {low, std::numeric_limits<double>::max(), false}; }
inline Bounds between(double low, double high) { return {low, high, true}; }
inline Bounds any_number() { return {}; }

/// Which of a file's tables [size.NAME] and [arms.NAME] replace its own keys; empty: none. Size `paper` is the file's own.
struct ConfigChoice {
  std::string size, arm;
};

/// A strict TOML configuration: every key must be read by someone, every value checked, every default written back.
///
/// Keys are dotted (`learning_rate.peak`). Overrides are `key=value` with a TOML value; a bare word is a string. What says
/// more precisely what is wanted wins: an override over an arm's table, that over a size's, that over the file's own keys.
/// Every fault is a ConfigError with file, line, column, key, value and what to do.
class Config {
 public:
  static Config from_file(const std::filesystem::path& file, const std::vector<std::string>& overrides = {},
                          const ConfigChoice& choice = {});
  static Config from_text(const std::string& text, const std::string& name,
                          const std::vector<std::string>& overrides = {}, const ConfigChoice& choice = {});
  ~Config();
  Config(Config&&) noexcept;
  Config& operator=(Config&&) noexcept;

  bool has(const std::string& key) const;  ///< whether it is given; does not count as reading it
  double number(const std::string& key, Bounds bounds, std::optional<double> fallback = {}) const;
  std::int64_t integer(const std::string& key, Bounds bounds, std::optional<std::int64_t> fallback = {}) const;
  bool boolean(const std::string& key, std::optional<bool> fallback = {}) const;
  std::string text(const std::string& key, std::optional<std::string> fallback = {}) const;
  std::string choice(const std::string& key, const std::vector<std::string>& options,
                     std::optional<std::string> fallback = {}) const;
  /// Lists; an empty one is a fault, unless that is the fallback.
  std::vector<double> numbers(const std::string& key, Bounds bounds,
                              std::optional<std::vector<double>> fallback = {}) const;
  std::vector<std::int64_t> integers(const std::string& key, Bounds bounds,
                                     std::optional<std::vector<std::int64_t>> fallback = {}) const;
  std::vector<std::pair<std::int64_t, std::int64_t>> integer_pairs(const std::string& key) const;
  std::vector<std::string> texts(const std::string& key, std::optional<std::vector<std::string>> fallback = {}) const;

  /// The names of the tables [arms.NAME], those of the chosen size included, in the file's order.
  const std::vector<std::string>& arms() const;
  /// All keys that are given, in alphabetical order.
  std::vector<std::string> keys() const;
  /// The value of a given key as TOML; does not count as reading it.
  std::string as_toml(const std::string& key) const;
  /// The same of each item of a list, which must not be empty.
  std::vector<std::string> items(const std::string& key) const;

  /// Accepts keys that this command does not use but another one does; "section.*" is every key of a section.
  void ignore(const std::vector<std::string>& keys) const;

  /// Writes what was used instead of what was asked for, into resolved() and the hashes.
  void substitute(const std::string& key, const std::string& text) const;

  /// Forgets keys that belong to other choices of `selector`, if an override, an arm or a size made the choice: with
  /// `sync.rule=constant` on the command line the file's `sync.alpha` is not an error. All in one source it stays one, and
  /// an override that says what the file says chooses nothing.
  void forget_replaced(const std::string& selector, const std::vector<std::string>& keys) const;

  /// Throws for a key that nobody has read, with the nearest one that somebody has; a likely misspelling comes first.
  void finish() const;

  /// What was used, as TOML: every key read, defaults included, in alphabetical order; re-running it gives the same run.
  std::string resolved() const;
  /// 16 hexadecimal digits of a hash of resolved() without the keys that do not change the numbers (names, threads).
  std::string hash() const;
  /// The same of some keys, or all keys of some sections, only.
  std::string hash_of(const std::vector<std::string>& keys_or_sections) const;

  /// Throws ConfigError saying that one of these keys is needed, and which unread key may be meant for it.
  [[noreturn]] void fail_missing(const std::vector<std::string>& keys) const;
  /// Throws ConfigError about a key that is present or was defaulted.
  [[noreturn]] void fail(const std::string& key, const std::string& problem) const;

 private:
  struct State;
  explicit Config(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quasar
