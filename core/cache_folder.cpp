#include "core/cache_folder.h"

#include <cstdlib>
#include <string>

namespace quasar {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::filesystem::path cache_folder() {
  if (const std::string folder = environment("QUASAR_CACHE"); !folder.empty()) return folder;
  if (const std::string folder = environment("XDG_CACHE_HOME"); !folder.empty())
    return std::filesystem::path(folder) / "quasar";
  return std::filesystem::path(environment("HOME")) / ".cache/quasar";
}

}  // namespace quasar
