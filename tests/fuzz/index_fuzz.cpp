#include <nlohmann/json.hpp>

#include "distributed/checkpoint/sha256.h"
#include "distributed/data/tar_shards.h"
#include "tests/distributed/tar_corpus.h"
#include "tests/fuzz/fuzz.h"

namespace quasar::fuzz {
namespace {

const InputFile& index_file() {
  static const InputFile file("train/index.json");
  return file;
}

std::filesystem::path shard() { return index_file().folder() / "train/000.tar"; }

}  // namespace

std::vector<std::string> seeds() {
  write_tar(shard(), {{.name = "k.jpg", .bytes = "photograph"}, {.name = "k.cls", .bytes = "1"}});
  const std::string bytes = std::to_string(std::filesystem::file_size(shard())), hash = sha256_of_file(shard());
  const auto entry = [&](const std::string& samples, const std::string& more) {
    return R"({"name": "000.tar", "bytes": )" + bytes + R"(, "samples": )" + samples + more + "}";
  };
  const auto index = [](const std::string& shards) { return R"({"shards": [)" + shards + "]}"; };
  return {index(entry("1", "")), index(entry("1", R"(, "sha256": ")" + hash + "\"")),
          // once taken for the one sample that there is, and for the shard itself
          index(entry("1.5", "")), index(entry("2", "") + ", " + entry("1", ""))};
}

void parse(const std::string& input) {
  index_file().holding(input);
  const auto set = open_tar_shards(index_file().folder(), Split::train);
  const auto shards = nlohmann::json::parse(input).at("shards");
  if (set->count() != 1 || shards.size() != 1 || shards[0].at("samples") != 1 ||
      shards[0].at("bytes") != std::filesystem::file_size(shard()))
    throw std::logic_error("an index of other shards was taken");
}

}  // namespace quasar::fuzz
