#include "distributed/checkpoint/identity.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/errors.h"

namespace quasar {
namespace {

using nlohmann::json;

/// Values by dotted name; objects inside are opened, lists are values.
void collect(const json& object, const std::string& path, std::map<std::string, json>& values) {
  for (const auto& [name, value] : object.items()) {
    if (value.is_object())
      collect(value, path + name + ".", values);
    else
      values[path + name] = value;
  }
}

}  // namespace

std::vector<IdentityDifference> compare_identity(const json& saved, const json& current) {
  std::map<std::string, json> before, now;
  collect(saved, "", before);
  collect(current, "", now);
  std::set<std::string> names;
  for (const auto& [name, value] : before) names.insert(name);
  for (const auto& [name, value] : now) names.insert(name);
  std::vector<IdentityDifference> differences;
  const auto text = [](const std::map<std::string, json>& values, const std::string& name) {
    return values.contains(name) ? values.at(name).dump() : std::string("absent");
  };
  for (const std::string& name : names)
    if (!before.contains(name) || !now.contains(name) || before.at(name) != now.at(name))
      differences.push_back({name, text(before, name), text(now, name)});
  return differences;
}

std::vector<IdentityDifference> require_same_identity(const json& saved, const json& current,
                                                      const std::vector<std::string>& allowed,
                                                      const std::string& checkpoint) {
  std::map<std::string, json> known;
  collect(saved, "", known);
  collect(current, "", known);
  for (const std::string& name : allowed)
    if (!known.contains(name)) {
      std::string names;
      for (const auto& [one, value] : known) names += (names.empty() ? "" : ", ") + one;
      throw ConfigError("'" + name + "' cannot be allowed to differ from the checkpoint; choose among " + names);
    }
  std::vector<IdentityDifference> accepted;
  std::string refused;
  for (const IdentityDifference& difference : compare_identity(saved, current)) {
    if (std::find(allowed.begin(), allowed.end(), difference.name) != allowed.end())
      accepted.push_back(difference);
    else
      refused += "\n  " + difference.name + ": saved " + difference.saved + ", now " + difference.current;
  }
  if (!refused.empty()) throw CheckpointError(checkpoint + ": is of another run than this one:" + refused);
  return accepted;
}

}  // namespace quasar
