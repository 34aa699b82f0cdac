#include "core/recorder.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <ctime>
#include <exception>
#include <iostream>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "core/build_info.h"
#include "core/config.h"
#include "core/errors.h"
#include "core/fault_plan.h"

namespace quasar {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr int kFormat = 1;
constexpr char kLock[] = ".lock";  // of the process that runs here

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

std::string iso_time(double seconds) {
  const auto whole = static_cast<std::time_t>(seconds);
  std::tm utc{};
  gmtime_r(&whole, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

/// Makes a file's content survive a power loss, if it can be: nothing more could be done about it here.
void bring_to_disk(const fs::path& file) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

void write_whole(const fs::path& file, const std::string& content) {
  const fs::path temporary = file.string() + ".tmp";
  std::ofstream out(temporary, std::ios::binary);
  out << content;
  out.close();
  if (!out) throw StorageError("cannot write '" + file.string() + "' (is the disk full, or the folder read-only?)");
  bring_to_disk(temporary);  // or a power loss could leave an empty file in place of the one before
  std::error_code error;
  fs::rename(temporary, file, error);
  if (error) throw StorageError("cannot write '" + file.string() + "': " + error.message());
}

json code_of_this_binary() {
  const BuildInfo& build = build_info();
  return {{"version", build.version},      {"commit", build.commit},     {"dirty", build.dirty},
          {"code_id", build.code_id},      {"compiler", build.compiler}, {"flags", build.flags},
          {"build_type", build.build_type}};
}

/// The number of bytes up to the end of the last whole line that ends within `limit`.
std::int64_t whole_lines_within(const fs::path& file, std::int64_t limit) {
  std::ifstream in(file, std::ios::binary);
  std::int64_t whole = 0;
  std::string line;
  while (std::getline(in, line) && !in.eof()) {
    const std::int64_t end = whole + static_cast<std::int64_t>(line.size()) + 1;
    if (end > limit) break;
    whole = end;
  }
  return whole;
}

}  // namespace

Recorder::Recorder(fs::path folder, const Config& config, json about)
    : folder_(std::move(folder)), run_(std::move(about)), started_(now()) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw StorageError("cannot create the results folder '" + folder_.string() + "': " + error.message());
  for (const auto& entry : fs::directory_iterator(folder_, error))
    if (entry.is_regular_file() && entry.path().filename() != kLock) fs::remove(entry.path(), error);
  run_["time"] = {{"started", iso_time(started_)}};
  mark_running(config);
}

Recorder::Recorder(fs::path folder, const Config& config, json about, const Offsets& offsets)
    : folder_(std::move(folder)), run_(std::move(about)), started_(now()) {
  const json earlier = read_run_json(folder_);
  run_["time"] = {{"started", earlier.at("time").at("started")},
                  {"resumed", earlier.at("time").value("resumed", json::array())}};
  run_["time"]["resumed"].push_back(iso_time(started_));
  if (earlier.contains("dropped_lines")) dropped_lines_ = earlier.at("dropped_lines").get<Offsets>();
  std::error_code error;
  fs::remove(folder_ / "DONE", error);
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const fs::path& file = entry.path();
    const bool unknown = file.extension() == ".jsonl" && !offsets.contains(file.stem());
    if (unknown || file.extension() == ".tmp") fs::remove(file, error);
  }
  for (const auto& [series, offset] : offsets) cut_series(series, offset);
  mark_running(config);
}

void Recorder::cut_series(const std::string& series, std::int64_t offset) {
  const fs::path file = file_of(series);
  std::error_code error;
  series_[series].bytes = offset;
  if (!fs::exists(file, error) && offset == 0) return;
  const std::int64_t whole = whole_lines_within(file, offset);
  if (whole != offset) {
    series_[series].bytes = whole;
    count_dropped(series, "has " + std::to_string(whole) + " of the " + std::to_string(offset) +
                              " bytes that were there at the checkpoint");
  }
  if (!fs::exists(file, error)) return;
  fs::resize_file(file, static_cast<std::uintmax_t>(whole), error);
  if (error) throw StorageError("cannot cut '" + file.string() + "': " + error.message());
}

void Recorder::mark_running(const Config& config) {
  run_["format"] = kFormat;
  run_["code"] = code_of_this_binary();
  run_["status"] = "running";
  run_["error"] = nullptr;
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
  const fs::path file = file_of(series);
  if (!append(file, series_[series], record.dump(-1, ' ', false, json::error_handler_t::replace) + '\n'))
    count_dropped(series, "cannot be written (" + std::generic_category().message(errno) + ")");
}

bool Recorder::append(const fs::path& file, Series& series, const std::string& line) {
  if (series.broken) return false;
  errno = 0;
  if (!series.stream.is_open()) series.stream.open(file, std::ios::binary | std::ios::app);
  const bool opened = series.stream.is_open();
  const bool injected = fault_at(FaultSite::log_write, 0, 0) == FaultKind::enospc;
  if (opened && !injected && series.stream << line << std::flush) {
    series.bytes += static_cast<std::int64_t>(line.size());
    return true;
  }
  const int reason = errno;
  series.stream.close();
  series.stream.clear();
  std::error_code error;
  // Half a line may have got there, which would spoil the next one too.
  if (opened) fs::resize_file(file, static_cast<std::uintmax_t>(series.bytes), error);
  series.broken = static_cast<bool>(error);
  errno = reason;
  return false;
}

void Recorder::count_dropped(const std::string& series, const std::string& problem) {
  const bool is_first = dropped_lines_.empty();
  if (dropped_lines_[series]++ > 0) return;
  if (is_first)
    std::cerr << "warning: '" << file_of(series).string() << "' " << problem
              << "; records are lost, the run goes on without them\n";
  try {
    if (run_.contains("status")) write_run_json();  // should the run be killed, the next one knows
  } catch (const StorageError&) {                   // finish() will try again
  }
}

Recorder::Offsets Recorder::offsets() const {
  Offsets offsets;
  for (const auto& [name, series] : series_) {
    bring_to_disk(file_of(name));
    offsets[name] = series.bytes;
  }
  return offsets;
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
  if (status == "done" && dropped_lines_.empty()) write_whole(folder_ / "DONE", iso_time(ended) + "\n");
}

void Recorder::write_run_json() {
  if (!dropped_lines_.empty()) run_["dropped_lines"] = dropped_lines_;
  write_whole(folder_ / "run.json", run_.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

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
