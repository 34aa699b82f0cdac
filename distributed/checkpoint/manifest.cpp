#include "distributed/checkpoint/manifest.h"

#include <algorithm>
#include <fstream>
#include <set>

#include "core/recorder.h"
#include "distributed/checkpoint/sha256.h"

namespace quasar {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr char kManifest[] = "manifest.json";
constexpr std::uintmax_t kLargestManifest = 256 << 20;

/// A damaged manifest is found by the hash of what it says, however it is spaced.
std::string hash_of_content(json manifest) {
  manifest.erase("sha256");
  return sha256_of(manifest.dump());
}

Checkpoint parse(const fs::path& folder, const json& manifest) {
  if (manifest.at("sha256") != hash_of_content(manifest))
    throw CheckpointError((folder / kManifest).string() + ": is damaged (its SHA-256 is not the one it states)");
  if (const int format = manifest.at("format"); format > kCheckpointFormat)
    throw NewerCheckpointFormat(folder.string() + ": has checkpoint format " + std::to_string(format) +
                                "; this program reads up to " + std::to_string(kCheckpointFormat) +
                                ". Use the release that wrote it, or a newer one");
  Checkpoint checkpoint{folder, manifest.at("step"), {}, manifest.at("about"), {}};
  if (!manifest.at("loss").is_null()) checkpoint.loss = manifest.at("loss").get<double>();
  std::set<std::string> names;
  for (const json& file : manifest.at("files")) {
    checkpoint.files.push_back({file.at("name"), file.at("bytes"), file.at("sha256")});
    check_file_name(checkpoint.files.back().name);
    if (!names.insert(checkpoint.files.back().name).second)
      throw CheckpointError((folder / kManifest).string() + ": lists " + checkpoint.files.back().name + " twice");
  }
  return checkpoint;
}

}  // namespace

SafetensorsFile Checkpoint::read(const std::string& name) const {
  const auto record =
      std::find_if(files.begin(), files.end(), [&](const FileRecord& file) { return file.name == name; });
  if (record == files.end()) throw CheckpointError(folder.string() + ": has no file " + name);
  return SafetensorsFile::read(folder / name, *record);
}

void write_manifest(FileSystem& files, const Checkpoint& checkpoint) {
  json manifest = {{"format", kCheckpointFormat},
                   {"step", checkpoint.step},
                   {"loss", checkpoint.loss ? json(*checkpoint.loss) : json(nullptr)},
                   {"about", checkpoint.about},
                   {"files", json::array()}};
  for (const FileRecord& file : checkpoint.files) {
    check_file_name(file.name);
    manifest["files"].push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  if (const auto nonfinite = remove_nonfinite(manifest); !nonfinite.empty())
    throw CheckpointError("a checkpoint's manifest cannot hold '" + nonfinite.front() + "', which is not finite");
  std::string text;
  try {
    manifest["sha256"] = hash_of_content(manifest);
    text = manifest.dump(1) + "\n";
  } catch (const json::exception& error) {  // a text that is not UTF-8
    throw CheckpointError(std::string("a checkpoint's manifest cannot be written: ") + error.what());
  }
  const auto output = files.create(checkpoint.folder / kManifest, static_cast<std::int64_t>(text.size()));
  output->write(std::as_bytes(std::span(text)));
  output->sync();
  output->close();
}

Checkpoint read_manifest(const fs::path& folder) {
  const fs::path file = folder / kManifest;
  std::error_code error;
  if (!fs::is_regular_file(file, error)) throw CheckpointError(file.string() + ": is missing");
  if (const std::uintmax_t size = fs::file_size(file, error); error || size > kLargestManifest)
    throw CheckpointError(file.string() + ": has " + std::to_string(size) + " bytes, too many for a manifest");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw CheckpointError(file.string() + ": cannot be opened");
  try {
    return parse(folder, json::parse(stream));
  } catch (const json::exception& damage) {
    throw CheckpointError(file.string() + ": is damaged: " + damage.what());
  }
}

void verify_files(const Checkpoint& checkpoint, bool hashes) {
  for (const FileRecord& record : checkpoint.files) {
    const fs::path file = checkpoint.folder / record.name;
    std::error_code error;
    if (!fs::is_regular_file(file, error)) throw CheckpointError(file.string() + ": is missing");
    const auto bytes = static_cast<std::int64_t>(fs::file_size(file, error));
    if (error || bytes != record.bytes)
      throw CheckpointError(file.string() + ": has " + std::to_string(bytes) + " bytes, its manifest says " +
                            std::to_string(record.bytes));
    if (hashes && sha256_of_file(file) != record.sha256)
      throw CheckpointError(file.string() + ": is damaged (its SHA-256 is not the manifest's)");
  }
}

void check_file_name(const std::string& name) {
  if (name.empty() || name.starts_with('.') || name.find('/') != std::string::npos || name == kManifest)
    throw CheckpointError("a checkpoint's file cannot be named '" + name + "'");
}

}  // namespace quasar
