#include "distributed/data/image_folder.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "core/errors.h"
#include "distributed/data/file_range.h"
#include "distributed/data/word_hash.h"

namespace quasar {
namespace {

using Path = std::filesystem::path;

std::string lower_extension(const Path& file) {
  std::string extension = file.extension().string();
  for (char& letter : extension) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return extension;
}

bool is_jpeg(const Path& file) {
  const std::string extension = lower_extension(file);
  return extension == ".jpg" || extension == ".jpeg";
}

bool is_other_image(const Path& file) {
  static const std::set<std::string> extensions = {".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"};
  return extensions.contains(lower_extension(file));
}

std::filesystem::directory_iterator look_into(const Path& folder) {
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error)
    throw DataError(folder.string() + ": cannot be read (" + error.message() +
                    "); an ImageFolder holds train/CLASS/*.jpg and val/CLASS/*.jpg");
  return entries;
}

std::vector<std::string> folders_in(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : look_into(folder))
    if (std::error_code none; entry.is_directory(none)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> classes_in(const Path& root) {
  std::vector<std::string> classes = folders_in(root / "train");
  if (classes.empty()) throw DataError((root / "train").string() + ": holds no folder, so there are no classes");
  return classes;
}

class ImageFolder final : public EncodedPhotoSet {
 public:
  ImageFolder(Path folder, std::vector<std::string> classes, Split split)
      : folder_(std::move(folder)), classes_(std::move(classes)) {
    for (const std::string& name : folders_in(folder_)) {
      const auto found = std::lower_bound(classes_.begin(), classes_.end(), name);
      if (found == classes_.end() || *found != name)
        throw DataError((folder_ / name).string() + ": there is no such class in train");
      add_class(static_cast<int>(found - classes_.begin()), split);
    }
    if (files_.empty()) throw DataError(folder_.string() + ": holds no .jpg file in any class");
  }

  std::int64_t count() const override { return static_cast<std::int64_t>(files_.size()); }
  int classes() const override { return static_cast<int>(classes_.size()); }
  int label(std::int64_t sample) const override { return file(sample).label; }
  std::string place(std::int64_t sample) const override { return path(sample).string(); }
  std::string source() const override { return folder_.parent_path().string(); }

  std::uint64_t identity() const override {
    std::uint64_t hash = 0;
    for (const File& each : files_) {
      hash = hash_bytes(hash, {reinterpret_cast<const std::uint8_t*>(each.name.data()), each.name.size()});
      hash = hash_word(hash_word(hash, static_cast<std::uint64_t>(each.bytes)), static_cast<std::uint64_t>(each.label));
    }
    return hash;
  }

  void fetch(std::int64_t sample, std::vector<std::uint8_t>& bytes) const override {
    read_file_range(path(sample), 0, file(sample).bytes, place(sample), bytes);
  }

 private:
  struct File {
    std::string name;
    std::int64_t bytes;
    int label;
  };

  void add_class(int label, Split split) {
    const Path folder = folder_ / classes_[static_cast<std::size_t>(label)];
    const std::size_t first = files_.size();
    for (const auto& entry : look_into(folder)) {
      const Path& found = entry.path();
      if (is_other_image(found))
        throw DataError(found.string() + ": only JPEG files are read; convert it or take it away");
      if (!is_jpeg(found)) continue;
      std::error_code error;
      const std::uintmax_t bytes = entry.file_size(error);
      if (error) throw DataError(found.string() + ": cannot be read (" + error.message() + ")");
      if (bytes > static_cast<std::uintmax_t>(kMostBytes))
        throw DataError(found.string() + ": has " + std::to_string(bytes) + " bytes; a photograph has at most " +
                        std::to_string(kMostBytes));
      files_.push_back({found.filename().string(), static_cast<std::int64_t>(bytes), label});
    }
    if (split == Split::train && files_.size() == first)
      throw DataError(folder.string() + ": the class is empty (no .jpg file); take the folder away or fill it");
    std::sort(files_.begin() + static_cast<std::ptrdiff_t>(first), files_.end(),
              [](const File& a, const File& b) { return a.name < b.name; });
  }

  const File& file(std::int64_t sample) const { return files_[static_cast<std::size_t>(sample)]; }
  Path path(std::int64_t sample) const {
    return folder_ / classes_[static_cast<std::size_t>(file(sample).label)] / file(sample).name;
  }

  Path folder_;
  std::vector<std::string> classes_;
  std::vector<File> files_;
};

}  // namespace

std::unique_ptr<EncodedPhotoSet> open_image_folder(const Path& root, Split split) {
  return std::make_unique<ImageFolder>(root / (split == Split::train ? "train" : "val"), classes_in(root), split);
}

}  // namespace quasar
