#include "experiments/saved_paths.h"

#include <cstdint>
#include <fstream>
#include <sstream>

#include "core/build_info.h"
#include "core/errors.h"

namespace quasar {
namespace {

using nlohmann::json;

constexpr int kFormat = 2;

/// FNV-1a, 64 bits: finds damage, not malice.
std::string checksum(const std::string& bytes) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const unsigned char byte : bytes) hash = (hash ^ byte) * 1099511628211ull;
  return std::to_string(hash);
}

}  // namespace

void SavedPaths::write(Recorder& recorder, const Config& config, const std::string& file) const {
  const json head = {{"format", kFormat},
                     {"step", step},
                     {"records", records},
                     {"more", more},
                     {"config_hash", config.hash()},
                     {"code", build_info().code_id},
                     {"bytes", numbers.size()},
                     {"checksum", checksum(numbers)}};
  recorder.write_file(file, head.dump() + "\n" + numbers);
}

std::optional<SavedPaths> SavedPaths::read(const std::filesystem::path& folder, const Config& config,
                                           const std::string& name) {
  const std::filesystem::path file = folder / name;
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  const std::string remedy = "; remove the file to start the run anew";
  std::string line;
  std::getline(in, line);
  const json head = json::parse(line, nullptr, false);
  std::ostringstream rest;
  rest << in.rdbuf();
  SavedPaths saved;
  saved.numbers = rest.str();
  try {
    saved.step = head.at("step");
    saved.records = head.at("records").get<Recorder::Offsets>();
    saved.more = head.at("more");
    if (head.at("code") != build_info().code_id || head.at("format") != kFormat)
      throw CheckpointError("'" + file.string() + "' was saved by another build of quasar" + remedy);
    if (head.at("config_hash") != config.hash())
      throw CheckpointError("'" + file.string() + "' was saved with other settings" + remedy);
    if (head.at("checksum") != checksum(saved.numbers))
      throw CheckpointError("'" + file.string() + "' is damaged (its checksum is not that of its numbers)" + remedy);
  } catch (const json::exception& error) {
    throw CheckpointError("'" + file.string() + "' is damaged (" + error.what() + ")" + remedy);
  }
  return saved;
}

}  // namespace quasar
