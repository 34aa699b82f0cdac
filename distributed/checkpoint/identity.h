#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace quasar {

/// A value that tells one run from another (world size, configuration hash, data hash, ...) and is not the same any more.
struct IdentityDifference {
  std::string name;  ///< dotted
  std::string saved, current;
};

std::vector<IdentityDifference> compare_identity(const nlohmann::json& saved, const nlohmann::json& current);

/// Throws CheckpointError listing every difference that is not `allowed` by name; returns those that are, to be logged.
/// An allowed name that neither object has is a ConfigError.
std::vector<IdentityDifference> require_same_identity(const nlohmann::json& saved, const nlohmann::json& current,
                                                      const std::vector<std::string>& allowed,
                                                      const std::string& checkpoint);

}  // namespace quasar
