#include "distributed/data/find_data.h"

#include <array>
#include <cstdlib>
#include <vector>

#include "core/build_info.h"
#include "core/cache_folder.h"
#include "core/errors.h"
#include "core/subprocess.h"

namespace quasar {
namespace {

using Path = std::filesystem::path;

constexpr std::array<const char*, 4> kFiles = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                               "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool holds_files(const Path& folder, const std::string& suffix = "") {
  std::error_code ignored;
  for (const char* file : kFiles)
    if (!std::filesystem::is_regular_file(folder / (file + suffix), ignored)) return false;
  return true;
}

Path cached(const std::string& name) { return cache_folder() / "data" / name; }

/// Runs fetch_dataset.py, which puts the set into the cache folder or says in one line why not.
bool fetch(const std::string& name, const std::vector<std::string>& options) {
  const Path script = Path(build_info().source_dir) / "distributed/data/fetch_dataset.py";
  std::vector<std::string> command = {python_interpreter(), script, name, cache_folder()};
  command.insert(command.end(), options.begin(), options.end());
  return run_subprocess(command) == 0 && holds_files(cached(name));
}

std::optional<Path> find_below(const Path& root, const std::string& name) {
  for (const Path& folder : {root / name, root})
    if (holds_files(folder)) return folder;
  for (const Path& folder : {root / name, root}) {
    if (!holds_files(folder, ".xz")) continue;
    if (holds_files(cached(name)) || fetch(name, {"--packed", folder})) return cached(name);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Path> find_dataset(const std::string& name, const std::string& root_from_config, Download download) {
  if (!root_from_config.empty()) {
    if (const auto found = find_below(root_from_config, name)) return found;
    throw DataError("data.root = " + root_from_config + ": does not hold " + name + " (looked for " + kFiles[0] +
                    " and its three companions there and in " + (Path(root_from_config) / name).string() +
                    "; leave data.root out to look elsewhere)");
  }
  if (const std::string root = environment("QUASAR_DATA"); !root.empty())
    if (const auto found = find_below(root, name)) return found;
  if (const auto found = find_below(Path(build_info().source_dir).parent_path() / "shared/data", name)) return found;
  if (holds_files(cached(name))) return cached(name);
  if (download == Download::allowed && fetch(name, {})) return cached(name);
  return std::nullopt;
}

}  // namespace quasar
