#include "distributed/data/find_data.h"

#include <cstdlib>
#include <map>
#include <vector>

#include "core/build_info.h"
#include "core/cache_folder.h"
#include "core/errors.h"
#include "core/subprocess.h"

namespace quasar {
namespace {

using Path = std::filesystem::path;
using Files = std::vector<std::string>;

/// What a set looks like on disk.
struct Layout {
  Files files;                ///< of the unpacked set
  std::vector<Files> packed;  ///< what fetch_dataset.py can unpack them from
  std::string inner_folder;   ///< that the official archive puts the files in; empty: none
};

Files with_suffix(Files files, const std::string& suffix) {
  for (std::string& file : files) file += suffix;
  return files;
}

Layout text_layout(const Files& files) {
  return {.files = files, .packed = {with_suffix(files, ".xz")}, .inner_folder = "text"};
}

const Layout& layout(const std::string& name) {
  static const Files idx_files = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                  "t10k-labels-idx1-ubyte"};
  static const Layout idx{.files = idx_files, .packed = {with_suffix(idx_files, ".xz")}, .inner_folder = ""};
  static const Layout cifar{
      .files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin",
                "test_batch.bin"},
      .packed = {{"cifar-10-binary.tar.gz"},
                 {"train_1.jxl", "train_2.jxl", "train_3.jxl", "train_4.jxl", "train_5.jxl", "test.jxl", "labels.u8"}},
      .inner_folder = "cifar-10-batches-bin"};
  static const Layout shakespeare = text_layout({"tinyshakespeare.txt"});
  static const Layout wikitext = text_layout({"wikitext-2-valid.txt", "wikitext-2-test.txt"});
  if (name == "cifar10") return cifar;
  if (name == "tiny_shakespeare") return shakespeare;
  if (name == "wikitext2") return wikitext;
  static const std::map<std::string, Layout> libsvm = [] {
    std::map<std::string, Layout> layouts;
    for (const std::string& set : libsvm_sets())
      layouts[set] = {.files = {set}, .packed = {{set + ".xz"}}, .inner_folder = "libsvm"};
    return layouts;
  }();
  const auto found = libsvm.find(name);
  return found == libsvm.end() ? idx : found->second;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool holds(const Path& folder, const Files& files) {
  std::error_code ignored;
  for (const std::string& file : files)
    if (!std::filesystem::is_regular_file(folder / file, ignored)) return false;
  return true;
}

/// Where below `root` the files of a set may lie.
std::vector<Path> places(const Path& root, const std::string& name) {
  std::vector<Path> folders = {root / name, root};
  if (const std::string& inner = layout(name).inner_folder; !inner.empty())
    for (const Path& folder : {root / name, root}) folders.push_back(folder / inner);
  return folders;
}

Path cached(const std::string& name) { return cache_folder() / "data" / name; }

bool is_cached(const std::string& name) { return holds(cached(name), layout(name).files); }

/// Runs fetch_dataset.py, which puts the set into the cache folder or says in one line why not.
bool fetch(const std::string& name, const std::vector<std::string>& options) {
  const Path script = Path(build_info().source_dir) / "distributed/data/fetch_dataset.py";
  std::vector<std::string> command = {python_interpreter(), script, name, cache_folder()};
  command.insert(command.end(), options.begin(), options.end());
  return run_subprocess(command) == 0 && is_cached(name);
}

std::optional<Path> find_below(const Path& root, const std::string& name) {
  for (const Path& folder : places(root, name))
    if (holds(folder, layout(name).files)) return folder;
  for (const Path& folder : places(root, name))
    for (const Files& packed : layout(name).packed) {
      if (!holds(folder, packed)) continue;
      if (is_cached(name) || fetch(name, {"--packed", folder})) return cached(name);
    }
  return std::nullopt;
}

}  // namespace

const std::vector<std::string>& libsvm_sets() {
  static const std::vector<std::string> names = {
      "a9a",        "a9a.t",  "german.numer", "heart_scale", "ionosphere_scale", "mushrooms", "phishing",
      "rcv1_small", "splice", "svmguide1",    "w8a"};
  return names;
}

std::optional<Path> find_dataset(const std::string& name, const std::string& root_from_config, Download download) {
  if (!root_from_config.empty()) {
    if (const auto found = find_below(root_from_config, name)) return found;
    throw DataError("data.root = " + root_from_config + ": does not hold " + name + " (looked for " +
                    layout(name).files[0] + " and its companions there and in " +
                    (Path(root_from_config) / name).string() + "; leave data.root out to look elsewhere)");
  }
  if (const std::string root = environment("QUASAR_DATA"); !root.empty())
    if (const auto found = find_below(root, name)) return found;
  if (const auto found = find_below(Path(build_info().source_dir).parent_path() / "shared/data", name)) return found;
  if (is_cached(name)) return cached(name);
  if (download == Download::allowed && fetch(name, {})) return cached(name);
  return std::nullopt;
}

}  // namespace quasar
