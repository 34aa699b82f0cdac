#include "distributed/data/photo_sets.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>

#include "core/errors.h"
#include "distributed/data/image_folder.h"
#include "distributed/data/tar_shards.h"

namespace quasar {
namespace {

using Path = std::filesystem::path;

bool is_image_folder(const Path& root) {
  std::error_code ignored;
  return std::filesystem::is_directory(root / "train", ignored) && std::filesystem::is_directory(root / "val", ignored);
}

std::optional<Path> find_imagenet(const std::string& root) {
  if (!root.empty()) return is_image_folder(Path(root) / "imagenet") ? Path(root) / "imagenet" : Path(root);
  const char* data = std::getenv("QUASAR_DATA");
  if (data != nullptr && is_image_folder(Path(data) / "imagenet")) return Path(data) / "imagenet";
  return std::nullopt;
}

}  // namespace

PhotoSets open_photo_sets(const std::string& name, const std::string& root, const PhotoOptions& options,
                          const ProceduralPhotoCounts& counts) {
  PhotoSets sets;
  sets.name = name;
  sets.options = options;
  std::optional<Path> place;
  if (name == "imagenet") {
    place = find_imagenet(root);
    if (!place) {
      std::fprintf(stderr, "quasar: imagenet is not to be had (data.root or $QUASAR_DATA); using procedural_photos\n");
      sets.name = "procedural_photos";
    }
  } else if (name != "procedural_photos") {
    if (root.empty()) throw ConfigError("data.root: is needed for data.name = " + name);
    place = root;
  }
  if (sets.name == "procedural_photos") {
    sets.train = procedural_photos(Split::train, counts);
    sets.test = procedural_photos(Split::test, counts);
    return sets;
  }
  const auto open = name == "webdataset" ? open_tar_shards : open_image_folder;
  sets.train = open(*place, Split::train);
  sets.test = open(*place, Split::test);
  if (sets.test->classes() > sets.train->classes())
    throw DataError(sets.test->source() + ": val has class " + std::to_string(sets.test->classes() - 1) +
                    ", train only 0 to " + std::to_string(sets.train->classes() - 1));
  return sets;
}

}  // namespace quasar
