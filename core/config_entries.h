#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <toml++/toml.h>

namespace quasar {

/// Who gives a key, the strongest last.
enum class Source { file, size, arm, override };

struct Entry {
  const toml::node* value;
  std::string location;
  Source source;
  Source since = source;  ///< the weakest source that already gave this very value: to say it again is no other choice
};
using Entries = std::map<std::string, Entry>;

/// Puts an entry in the place of what a weaker source gave.
void replace(Entries& entries, const std::string& key, Entry entry);

/// file:line:column.
std::string position(const std::string& name, const toml::source_region& source);

/// A value as TOML.
std::string to_toml(double value);
std::string to_toml(std::int64_t value);
std::string to_toml(bool value);
std::string to_toml(const std::string& value);
std::string to_toml(const std::pair<std::int64_t, std::int64_t>& value);
std::string to_toml(const toml::node& node);
template <class T>
std::string to_toml(const std::vector<T>& values) {
  std::string text = "[";
  for (const auto& value : values) text += (text.size() > 1 ? ", " : "") + to_toml(value);
  return text + "]";
}

/// Adds every key of a table, dotted, with where it stands.
void flatten(const toml::table& table, const std::string& prefix, const std::string& name, Source source,
             Entries& entries);

/// A `key=value` of the command line; throws ConfigError saying what is not TOML.
toml::table parse_override(const std::string& assignment, const std::string& where);

/// Takes the tables [group.NAME] out of the entries, gives the chosen one's keys their effect, and returns all names.
///
/// throws  ConfigError if there is no table of the chosen name
std::vector<std::string> choose_table(const std::string& group, const std::string& chosen, Source source,
                                      const std::string& file, Entries& entries);

}  // namespace quasar
