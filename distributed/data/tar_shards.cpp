#include "distributed/data/tar_shards.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/errors.h"
#include "distributed/checkpoint/sha256.h"
#include "distributed/data/file_range.h"
#include "distributed/data/word_hash.h"

namespace quasar {
namespace {

using Path = std::filesystem::path;

struct Expected {
  std::uint64_t bytes = 0, samples = 0;
  std::string sha256;  ///< empty: not given
};

/// By name, as index.json lists them; none if there is no such file.
std::optional<std::map<std::string, Expected>> read_index(const Path& file) {
  std::error_code none;
  if (!std::filesystem::exists(file, none)) return std::nullopt;
  if (!std::filesystem::is_regular_file(file, none)) throw DataError(file.string() + ": is no file");
  std::map<std::string, Expected> shards;
  try {
    const auto index = nlohmann::json::parse(std::ifstream(file));
    for (const auto& shard : index.at("shards")) {
      const auto whole = [&](const char* key) { return shard.at(key).get_ref<const std::uint64_t&>(); };
      const std::string name = shard.at("name");
      const Expected expected{whole("bytes"), whole("samples"), shard.value("sha256", "")};
      if (!shards.emplace(name, expected).second) throw DataError(file.string() + ": lists " + name + " twice");
    }
  } catch (const nlohmann::json::exception& error) {
    throw DataError(file.string() + ": is no index of shards (" + error.what() + ")");
  }
  return shards;
}

std::vector<Path> shards_in(const Path& folder) {
  std::error_code error;
  std::vector<Path> shards;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".tar") shards.push_back(entry.path());
  if (error) throw DataError(folder.string() + ": cannot be read (" + error.message() + ")");
  if (shards.empty()) throw DataError(folder.string() + ": holds no .tar file");
  std::sort(shards.begin(), shards.end());
  return shards;
}

void check_bytes(const Path& shard, const Expected& expected) {
  std::error_code error;
  const std::uint64_t bytes = std::filesystem::file_size(shard, error);
  if (error) throw DataError(shard.string() + ": cannot be read (" + error.message() + ")");
  if (bytes != expected.bytes)
    throw DataError(shard.string() + ": has " + std::to_string(bytes) + " bytes, index.json says " +
                    std::to_string(expected.bytes));
  if (!expected.sha256.empty() && sha256_of_file(shard) != expected.sha256)
    throw DataError(shard.string() + ": its SHA-256 is not the one in index.json; fetch it again");
}

class TarShards final : public EncodedPhotoSet {
 public:
  TarShards(Path root, const Path& folder) : root_(std::move(root)), shards_(shards_in(folder)) {
    const auto index = read_index(folder / "index.json");
    for (const Path& shard : shards_) {
      const std::string name = shard.filename().string();
      if (index && !index->contains(name)) throw DataError(shard.string() + ": is not in index.json");
      if (index) check_bytes(shard, index->at(name));
      const std::size_t before = samples_.size();
      for (TarSample& sample : index_tar(shard)) samples_.push_back(std::move(sample));
      ends_.push_back(static_cast<std::int64_t>(samples_.size()));
      const std::uint64_t found = samples_.size() - before;
      if (index && found != index->at(name).samples)
        throw DataError(shard.string() + ": holds " + std::to_string(found) + " samples, index.json says " +
                        std::to_string(index->at(name).samples));
    }
    if (index)
      for (const auto& [name, expected] : *index)
        if (std::find(shards_.begin(), shards_.end(), folder / name) == shards_.end())
          throw DataError((folder / name).string() + ": is missing, but in index.json");
    if (samples_.empty()) throw DataError(folder.string() + ": its shards hold no sample");
    for (const TarSample& sample : samples_) classes_ = std::max(classes_, sample.label + 1);
  }

  std::int64_t count() const override { return static_cast<std::int64_t>(samples_.size()); }
  int classes() const override { return classes_; }
  int label(std::int64_t sample) const override { return at(sample).label; }
  std::string source() const override { return root_.string(); }

  std::string place(std::int64_t sample) const override {
    return shard_of(sample).string() + ": at byte " + std::to_string(at(sample).offset) + ": " + at(sample).key;
  }

  std::uint64_t identity() const override {
    std::uint64_t hash = 0;
    for (const TarSample& sample : samples_) {
      hash = hash_bytes(hash, {reinterpret_cast<const std::uint8_t*>(sample.key.data()), sample.key.size()});
      hash = hash_word(hash_word(hash, static_cast<std::uint64_t>(sample.bytes)),
                       static_cast<std::uint64_t>(sample.label));
    }
    return hash;
  }

  void fetch(std::int64_t sample, std::vector<std::uint8_t>& bytes) const override {
    read_file_range(shard_of(sample), at(sample).offset, at(sample).bytes, place(sample), bytes);
  }

 private:
  const TarSample& at(std::int64_t sample) const { return samples_[static_cast<std::size_t>(sample)]; }
  const Path& shard_of(std::int64_t sample) const {
    return shards_[static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), sample) - ends_.begin())];
  }

  Path root_;
  std::vector<Path> shards_;
  std::vector<std::int64_t> ends_;  ///< samples up to the end of each shard
  std::vector<TarSample> samples_;
  int classes_ = 0;
};

}  // namespace

std::unique_ptr<EncodedPhotoSet> open_tar_shards(const Path& root, Split split) {
  return std::make_unique<TarShards>(root, root / (split == Split::train ? "train" : "val"));
}

}  // namespace quasar
