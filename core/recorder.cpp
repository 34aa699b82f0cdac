#include "core/recorder.h"

#include <chrono>
#include <cmath>
#include <ctime>
#include <exception>

#include "core/build_info.h"
#include "core/config.h"
#include "core/errors.h"

namespace quasar {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr int kFormat = 1;

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

std::string iso_time(double seconds) {
  const auto whole = static_cast<std::time_t>(seconds);
  std::tm utc{};
  gmtime_r(&whole, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

void write_whole(const fs::path& file, const std::string& content) {
  const fs::path temporary = file.string() + ".tmp";
  std::ofstream out(temporary, std::ios::binary);
  out << content;
  out.close();
  if (!out) throw StorageError("cannot write '" + file.string() + "' (is the disk full, or the folder read-only?)");
  fs::rename(temporary, file);
}

json code_of_this_binary() {
  const BuildInfo& build = build_info();
  return {{"version", build.version},      {"commit", build.commit},     {"dirty", build.dirty},
          {"code_id", build.code_id},      {"compiler", build.compiler}, {"flags", build.flags},
          {"build_type", build.build_type}};
}

}  // namespace

Recorder::Recorder(fs::path folder, const Config& config, json about)
    : folder_(std::move(folder)), run_(std::move(about)), started_(now()) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw StorageError("cannot create the results folder '" + folder_.string() + "': " + error.message());
  for (const auto& entry : fs::directory_iterator(folder_, error))
    if (entry.is_regular_file()) fs::remove(entry.path(), error);
  run_["format"] = kFormat;
  run_["code"] = code_of_this_binary();
  run_["status"] = "running";
  run_["error"] = nullptr;
  run_["time"] = {{"started", iso_time(started_)}};
  write_run_json();
  write_whole(folder_ / "config.toml", config.resolved());
}

Recorder::~Recorder() {
  if (finished_) return;
  try {
    finish("failed", "the run ended before it was finished");
  } catch (const std::exception&) {  // the folder still says `running`; a destructor cannot do more
  }
}

void Recorder::record(const std::string& series, json record) {
  const auto nonfinite = remove_nonfinite(record);
  if (!nonfinite.empty()) record["nonfinite"] = nonfinite;
  auto [entry, is_new] = series_.try_emplace(series);
  if (is_new) entry->second.open(folder_ / (series + ".jsonl"), std::ios::binary);
  entry->second << record.dump() << '\n' << std::flush;
  if (!entry->second)
    throw StorageError("cannot write '" + (folder_ / (series + ".jsonl")).string() + "' (disk full?)");
}

void Recorder::describe(const std::string& key, json value) {
  remove_nonfinite(value);
  run_[key] = std::move(value);
}

void Recorder::write_file(const std::string& name, const std::string& content) { write_whole(folder_ / name, content); }

void Recorder::finish(const std::string& status, const std::string& error) {
  finished_ = true;
  const double ended = now();
  run_["status"] = status;
  if (!error.empty()) run_["error"] = error;
  run_["time"]["finished"] = iso_time(ended);
  run_["time"]["wall_seconds"] = ended - started_;
  write_run_json();
  if (status == "done") write_whole(folder_ / "DONE", iso_time(ended) + "\n");
}

void Recorder::write_run_json() { write_whole(folder_ / "run.json", run_.dump(1) + "\n"); }

std::vector<std::string> remove_nonfinite(json& value, const std::string& path) {
  std::vector<std::string> removed;
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    value = nullptr;
    return {path};
  }
  if (!value.is_structured()) return removed;
  for (auto& item : value.items()) {
    const auto inner = remove_nonfinite(item.value(), path.empty() ? item.key() : path + "." + item.key());
    removed.insert(removed.end(), inner.begin(), inner.end());
  }
  return removed;
}

bool is_reusable_run(const fs::path& folder) {
  if (!fs::exists(folder / "DONE")) return false;
  try {
    return read_run_json(folder).at("code").at("code_id") == build_info().code_id;
  } catch (const std::exception&) {
    return false;
  }
}

json read_run_json(const fs::path& folder) {
  const fs::path file = folder / "run.json";
  std::ifstream in(file);
  if (!in) throw DataError("'" + folder.string() + "' is not a results folder: it has no run.json");
  try {
    return json::parse(in);
  } catch (const json::exception& error) {
    throw DataError("'" + file.string() + "' is damaged: " + error.what());
  }
}

std::vector<json> read_series(const fs::path& folder, const std::string& series) {
  const fs::path file = folder / (series + ".jsonl");
  std::ifstream in(file);
  if (!in) throw DataError("'" + file.string() + "' is missing (did that run record anything?)");
  std::vector<json> records;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const bool torn = in.eof();  // a complete line ends with a newline
    try {
      records.push_back(json::parse(line));
    } catch (const json::exception& error) {
      if (torn) break;
      throw DataError("'" + file.string() + "' line " + std::to_string(number) + " is damaged: " + error.what());
    }
  }
  return records;
}

}  // namespace quasar
