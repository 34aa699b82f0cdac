#include "core/config_entries.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "core/errors.h"

namespace quasar {
namespace {

bool is_bare_word(const std::string& text) {
  const auto may_start = [](unsigned char c) { return std::isalpha(c) || c == '_' || c == '/' || c == '~'; };
  const bool starts = !text.empty() && (may_start(text[0]) || text.starts_with("./") || text.starts_with("../"));
  return starts && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/' || c == '~';
         });
}

}  // namespace

void replace(Entries& entries, const std::string& key, Entry entry) {
  const auto earlier = entries.find(key);
  if (earlier != entries.end() && to_toml(*earlier->second.value) == to_toml(*entry.value))
    entry.since = earlier->second.since;
  entries[key] = entry;
}

std::string position(const std::string& name, const toml::source_region& source) {
  return name + ":" + std::to_string(source.begin.line) + ":" + std::to_string(source.begin.column);
}

std::string to_toml(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  std::string text(buffer, end);
  const bool looks_like_integer = text.find_first_of(".en") == std::string::npos;
  return looks_like_integer ? text + ".0" : text;
}

std::string to_toml(std::int64_t value) { return std::to_string(value); }
std::string to_toml(bool value) { return value ? "true" : "false"; }
std::string to_toml(const std::string& value) {
  std::ostringstream out;
  out << toml::value<std::string>(value);
  return out.str();
}
std::string to_toml(const std::pair<std::int64_t, std::int64_t>& value) {
  return "[" + to_toml(value.first) + ", " + to_toml(value.second) + "]";
}
std::string to_toml(const toml::node& node) {
  if (const auto* number = node.as_floating_point()) return to_toml(number->get());
  std::ostringstream out;
  node.visit([&out](const auto& value) { out << value; });
  return out.str();
}

void flatten(const toml::table& table, const std::string& prefix, const std::string& name, Source source,
             Entries& entries) {
  for (const auto& [key, node] : table) {
    const std::string full = prefix.empty() ? std::string(key.str()) : prefix + "." + std::string(key.str());
    if (const auto* inner = node.as_table())
      flatten(*inner, full, name, source, entries);
    else
      entries[full] = {&node, source == Source::override ? name : position(name, node.source()), source, source};
  }
}

std::vector<std::string> choose_table(const std::string& group, const std::string& chosen, Source source,
                                      const std::string& file, Entries& entries) {
  std::map<std::string, toml::source_index> first_lines;
  Entries picked;
  for (auto entry = entries.lower_bound(group + ".");
       entry != entries.end() && entry->first.starts_with(group + ".");) {
    const auto dot = entry->first.find('.', group.size() + 1);
    if (dot == std::string::npos)
      throw ConfigError(entry->second.location + ": " + entry->first + " must be a table [" + entry->first +
                        "] of keys");
    const std::string name = entry->first.substr(group.size() + 1, dot - group.size() - 1);
    const auto line = entry->second.value->source().begin.line;
    const auto known = first_lines.emplace(name, line).first;
    known->second = std::min(known->second, line);
    if (name == chosen) picked.emplace(entry->first.substr(dot + 1), entry->second);
    entry = entries.erase(entry);
  }
  for (auto& [key, entry] : picked) {
    entry.source = entry.since = std::max(entry.source, source);
    const auto own = entries.find(key);
    if (own == entries.end() || own->second.source <= entry.source) replace(entries, key, entry);
  }
  std::vector<std::string> names;
  for (const auto& [name, line] : first_lines) names.push_back(name);
  std::stable_sort(names.begin(), names.end(),
                   [&](const auto& a, const auto& b) { return first_lines.at(a) < first_lines.at(b); });
  if (chosen.empty() || !picked.empty()) return names;
  std::string all;
  for (const auto& name : names) all += (all.empty() ? "" : ", ") + name;
  throw ConfigError(file + ": has no table [" + group + "." + chosen + "] (" +
                    (names.empty() ? "nor any other of its kind" : "it has " + all) + ")");
}

toml::table parse_override(const std::string& assignment, const std::string& where) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    throw ConfigError(where + ": '" + assignment + "' is not section.key=value");
  const std::string key = assignment.substr(0, equals);
  const std::string value = assignment.substr(equals + 1);
  try {
    return toml::parse(key + " = " + value, where);
  } catch (const toml::parse_error&) {
    if (is_bare_word(value)) return toml::parse(key + " = '" + value + "'", where);
    throw ConfigError(where + ": '" + assignment +
                      "': the value is not TOML (numbers are written 0.02; text that is not " +
                      "one bare word needs quotes, as in " + key + "='\"my text\"')");
  }
}

}  // namespace quasar
