#include "core/config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include "core/config_entries.h"
#include "core/edit_distance.h"
#include "core/errors.h"

namespace quasar {
namespace {

std::string describe(const Bounds& bounds) {
  constexpr double kNone = std::numeric_limits<double>::max();
  std::string text;
  if (bounds.low > -kNone) text += (bounds.low_is_allowed ? ">= " : "> ") + to_toml(bounds.low);
  if (bounds.high < kNone) text += (text.empty() ? "<= " : " and <= ") + to_toml(bounds.high);
  return text.empty() ? "finite" : text;
}

bool inside(const Bounds& bounds, double value) {
  if (!std::isfinite(value)) return false;
  return (bounds.low_is_allowed ? value >= bounds.low : value > bounds.low) && value <= bounds.high;
}

/// Keys that say where or how fast, never what comes out.
const std::set<std::string> kWithoutEffect = {"run.name",
                                              "run.results",
                                              "run.time_limit",
                                              "data.root",
                                              "data.readers",
                                              "ensemble.threads",
                                              "ensemble.device",
                                              "ensemble.save_every",
                                              "ensemble.shard",
                                              "sde.threads",
                                              "workers.processes",
                                              "workers.threads",
                                              "workers.check_collectives",
                                              "workers.timeout",
                                              "workers.interface",
                                              "workers.affinity",
                                              "workers.log_folder",
                                              "checkpoint.allow",
                                              "checkpoint.every",
                                              "checkpoint.seconds",
                                              "checkpoint.keep_last",
                                              "checkpoint.keep_every",
                                              "checkpoint.keep_best",
                                              "checkpoint.on_save_error"};

std::string fnv1a_64(const std::string& text) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const unsigned char byte : text) hash = (hash ^ byte) * 1099511628211ull;
  char digits[17];
  std::snprintf(digits, sizeof(digits), "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

}  // namespace

struct Config::State {
  std::string name;
  toml::table file;
  std::vector<toml::table> overrides;
  Entries entries;
  std::vector<std::string> arms;
  mutable std::map<std::string, std::string> used;
  mutable std::set<std::string> ignored;
  mutable std::set<std::string> forgotten;

  [[noreturn]] void fail(const std::string& key, const std::string& problem) const {
    const auto entry = entries.find(key);
    if (entry == entries.end()) throw ConfigError(name + ": " + key + ": " + problem);
    throw ConfigError(entry->second.location + ": " + key + " = " + to_toml(*entry->second.value) + ": " + problem);
  }

  bool present(const std::string& key) const { return entries.contains(key) && !forgotten.contains(key); }

  /// The value under the key, or null if it is absent and has a default.
  const toml::node* find(const std::string& key, bool has_default) const {
    if (present(key)) return entries.at(key).value;
    if (has_default) return nullptr;
    fail_missing({key});
  }

  [[noreturn]] void fail_missing(const std::vector<std::string>& keys) const {
    std::vector<std::string> unread;
    for (const auto& [other, entry] : entries)
      if (!used.contains(other)) unread.push_back(other);
    std::string message = name + ": " + keys.front();
    for (std::size_t i = 1; i < keys.size(); ++i) message += " or " + keys[i];
    message += " is missing and has no default";
    for (const auto& key : keys)
      if (const std::string near = nearest(key, unread); !near.empty())
        message += " (" + entries.at(near).location + " has " + near + ": did you mean " + key + "?)";
    throw ConfigError(message);
  }

  template <class T>
  T remember(const std::string& key, T value) const {
    used[key] = to_toml(value);
    return value;
  }

  double number_in(const std::string& key, const toml::node& node, const Bounds& bounds) const {
    const auto value = node.value<double>();
    if (!value || !node.is_number()) fail(key, "must be a number");
    if (!inside(bounds, *value)) fail(key, "must be " + describe(bounds));
    return *value;
  }

  std::int64_t integer_in(const std::string& key, const toml::node& node, const Bounds& bounds) const {
    const auto* value = node.as_integer();
    if (!value) fail(key, "must be a whole number");
    if (!inside(bounds, static_cast<double>(value->get()))) fail(key, "must be " + describe(bounds));
    return value->get();
  }
};

Config::Config(std::unique_ptr<State> state) : state_(std::move(state)) {}
Config::~Config() = default;
Config::Config(Config&&) noexcept = default;
Config& Config::operator=(Config&&) noexcept = default;

Config Config::from_file(const std::filesystem::path& file, const std::vector<std::string>& overrides,
                         const ConfigChoice& choice) {
  std::ifstream in(file, std::ios::binary);
  if (!in || std::filesystem::is_directory(file))
    throw ConfigError("cannot read the configuration file '" + file.string() + "' (is the path right?)");
  std::ostringstream text;
  text << in.rdbuf();
  return from_text(text.str(), file.string(), overrides, choice);
}

Config Config::from_text(const std::string& text, const std::string& name, const std::vector<std::string>& overrides,
                         const ConfigChoice& choice) {
  auto state = std::make_unique<State>();
  state->name = name;
  try {
    state->file = toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    throw ConfigError(position(name, error.source()) + ": not valid TOML: " + std::string(error.description()));
  }
  flatten(state->file, "", name, Source::file, state->entries);
  state->overrides.reserve(overrides.size());
  for (std::size_t i = 0; i < overrides.size(); ++i) {
    const std::string where = "override " + std::to_string(i + 1);
    state->overrides.push_back(parse_override(overrides[i], where));
    Entries given;
    flatten(state->overrides.back(), "", where, Source::override, given);
    for (const auto& [key, entry] : given) {
      const auto earlier = state->entries.find(key);
      if (earlier != state->entries.end() && earlier->second.source == Source::override)
        throw ConfigError(where + ": " + key + " is given twice, also as " + earlier->second.location);
      replace(state->entries, key, entry);
    }
  }
  const std::string size = choice.size == "paper" ? "" : choice.size;
  Entries of_file = state->entries;  // where a size replaces an arm's keys, the arm keeps its place
  const auto in_order = choose_table("arms", "", Source::arm, name, of_file);
  choose_table("size", size, Source::size, name, state->entries);
  state->arms = choose_table("arms", choice.arm, Source::arm, name, state->entries);
  std::stable_sort(state->arms.begin(), state->arms.end(), [&](const auto& a, const auto& b) {
    return std::find(in_order.begin(), in_order.end(), a) < std::find(in_order.begin(), in_order.end(), b);
  });
  return Config(std::move(state));
}

bool Config::has(const std::string& key) const { return state_->present(key); }

double Config::number(const std::string& key, Bounds bounds, std::optional<double> fallback) const {
  const auto* node = state_->find(key, fallback.has_value());
  return state_->remember(key, node ? state_->number_in(key, *node, bounds) : *fallback);
}

std::int64_t Config::integer(const std::string& key, Bounds bounds, std::optional<std::int64_t> fallback) const {
  const auto* node = state_->find(key, fallback.has_value());
  return state_->remember(key, node ? state_->integer_in(key, *node, bounds) : *fallback);
}

bool Config::boolean(const std::string& key, std::optional<bool> fallback) const {
  const auto* node = state_->find(key, fallback.has_value());
  if (node && !node->is_boolean()) fail(key, "must be true or false");
  return state_->remember(key, node ? node->as_boolean()->get() : *fallback);
}

std::string Config::text(const std::string& key, std::optional<std::string> fallback) const {
  const auto* node = state_->find(key, fallback.has_value());
  if (node && !node->is_string()) fail(key, "must be a string");
  return state_->remember(key, node ? node->as_string()->get() : *fallback);
}

std::string Config::choice(const std::string& key, const std::vector<std::string>& options,
                           std::optional<std::string> fallback) const {
  const std::string value = text(key, std::move(fallback));
  if (std::find(options.begin(), options.end(), value) != options.end()) return value;
  std::string all;
  for (const auto& option : options) all += (all.empty() ? "" : ", ") + option;
  const std::string near = nearest(value, options);
  fail(key, "must be one of " + all + (near.empty() ? "" : " (did you mean " + near + "?)"));
}

std::vector<double> Config::numbers(const std::string& key, Bounds bounds,
                                    std::optional<std::vector<double>> fallback) const {
  const auto* node = state_->find(key, fallback.has_value());
  if (!node) return state_->remember(key, *fallback);
  if (!node->is_array()) fail(key, "must be a list of numbers");
  std::vector<double> values;
  for (const auto& item : *node->as_array()) values.push_back(state_->number_in(key, item, bounds));
  if (values.empty() && !(fallback && fallback->empty())) fail(key, "must name at least one number");
  return state_->remember(key, values);
}

std::vector<std::int64_t> Config::integers(const std::string& key, Bounds bounds,
                                           std::optional<std::vector<std::int64_t>> fallback) const {
  const auto* node = state_->find(key, fallback.has_value());
  if (!node) return state_->remember(key, *fallback);
  if (!node->is_array()) fail(key, "must be a list of whole numbers");
  std::vector<std::int64_t> values;
  for (const auto& item : *node->as_array()) values.push_back(state_->integer_in(key, item, bounds));
  if (values.empty() && !(fallback && fallback->empty())) fail(key, "must name at least one whole number");
  return state_->remember(key, values);
}

std::vector<std::pair<std::int64_t, std::int64_t>> Config::integer_pairs(const std::string& key) const {
  const auto* node = state_->find(key, false);
  std::vector<std::pair<std::int64_t, std::int64_t>> values;
  if (!node->is_array() || node->as_array()->empty()) fail(key, "must be a list of pairs [[a, b], ...]");
  for (const auto& item : *node->as_array()) {
    const auto* pair = item.as_array();
    if (!pair || pair->size() != 2) fail(key, "must be a list of pairs [[a, b], ...]");
    values.emplace_back(state_->integer_in(key, (*pair)[0], any_number()),
                        state_->integer_in(key, (*pair)[1], any_number()));
  }
  return state_->remember(key, values);
}

std::vector<std::string> Config::texts(const std::string& key, std::optional<std::vector<std::string>> fallback) const {
  const auto* node = state_->find(key, fallback.has_value());
  if (!node) return state_->remember(key, *fallback);
  if (!node->is_array()) fail(key, "must be a list of strings, as in [\"a\", \"b\"]");
  std::vector<std::string> values;
  for (const auto& item : *node->as_array()) {
    if (!item.is_string()) fail(key, "must be a list of strings, as in [\"a\", \"b\"]");
    values.push_back(item.as_string()->get());
  }
  return state_->remember(key, values);
}

const std::vector<std::string>& Config::arms() const { return state_->arms; }

std::vector<std::string> Config::keys() const {
  std::vector<std::string> result;
  for (const auto& [key, entry] : state_->entries) result.push_back(key);
  return result;
}

std::string Config::as_toml(const std::string& key) const { return to_toml(*state_->entries.at(key).value); }

std::vector<std::string> Config::items(const std::string& key) const {
  const auto* list = state_->entries.at(key).value->as_array();
  if (!list || list->empty()) fail(key, "must be a list of values, as in [0.01, 0.02]");
  std::vector<std::string> result;
  for (const auto& item : *list) result.push_back(to_toml(item));
  return result;
}

void Config::ignore(const std::vector<std::string>& keys) const { state_->ignored.insert(keys.begin(), keys.end()); }

void Config::substitute(const std::string& key, const std::string& text) const { state_->remember(key, text); }

void Config::forget_replaced(const std::string& selector, const std::vector<std::string>& keys) const {
  const auto chosen = state_->entries.find(selector);
  if (chosen == state_->entries.end()) return;
  for (const auto& key : keys) {
    const auto entry = state_->entries.find(key);
    if (entry != state_->entries.end() && entry->second.source < chosen->second.since) state_->forgotten.insert(key);
  }
}

void Config::finish() const {
  std::vector<std::string> known, defaulted;
  for (const auto& [key, value] : state_->used) (state_->entries.contains(key) ? known : defaulted).push_back(key);
  std::string unknown, meant;
  for (const auto& [key, entry] : state_->entries) {
    const std::string section = key.substr(0, key.rfind('.')) + ".*";
    if (state_->used.contains(key) || state_->forgotten.contains(key) || state_->ignored.contains(key) ||
        state_->ignored.contains(section))
      continue;
    const std::string near = nearest(key, defaulted);  // a misspelt key leaves the one it is meant for at its default
    if (!unknown.empty() && (near.empty() || !meant.empty())) continue;
    unknown = key;
    meant = near;
  }
  if (unknown.empty()) return;
  if (meant.empty()) meant = nearest(unknown, known);
  const Entry& entry = state_->entries.at(unknown);
  throw ConfigError(entry.location + ": " + unknown + " = " + to_toml(*entry.value) +
                    ": unknown here: this command does not read that key with these settings" +
                    (meant.empty() ? "" : " (did you mean " + meant + "?)"));
}

std::string Config::resolved() const {
  std::string text;
  for (const auto& [key, value] : state_->used) text += key + " = " + value + "\n";
  return text;
}

std::string Config::hash() const {
  std::string text;
  for (const auto& [key, value] : state_->used)
    if (!kWithoutEffect.contains(key)) text += key + " = " + value + "\n";
  return fnv1a_64(text);
}

std::string Config::hash_of(const std::vector<std::string>& keys_or_sections) const {
  const std::set<std::string> chosen(keys_or_sections.begin(), keys_or_sections.end());
  std::string text;
  for (const auto& [key, value] : state_->used) {
    const bool is_chosen = chosen.contains(key) || chosen.contains(key.substr(0, key.find('.')));
    if (is_chosen && !kWithoutEffect.contains(key)) text += key + " = " + value + "\n";
  }
  return fnv1a_64(text);
}

void Config::fail_missing(const std::vector<std::string>& keys) const { state_->fail_missing(keys); }

void Config::fail(const std::string& key, const std::string& problem) const { state_->fail(key, problem); }

}  // namespace quasar
