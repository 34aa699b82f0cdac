#include "distributed/local_sgd/training_checkpoint.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include "core/errors.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;

// What every process tells the others of its file.
constexpr std::int64_t kReportBytes = 1024;

const std::map<at::ScalarType, std::string> kTypes = {
    {at::kFloat, "F32"}, {at::kDouble, "F64"}, {at::kLong, "I64"}, {at::kByte, "U8"}, {at::kBFloat16, "BF16"}};

at::ScalarType type_of(const std::string& name) {
  for (const auto& [type, text] : kTypes)
    if (text == name) return type;
  throw CheckpointError("tensors of type " + name + " cannot be used here (F32, F64, I64, U8 and BF16 can)");
}

std::string rank_file(int rank) {
  char name[32];
  std::snprintf(name, sizeof(name), "rank-%03d.safetensors", rank);
  return name;
}

NamedTensor named(const std::string& name, const at::Tensor& contiguous) {
  return {name,
          kTypes.at(contiguous.scalar_type()),
          contiguous.sizes().vec(),
          {static_cast<const std::byte*>(contiguous.data_ptr()), contiguous.nbytes()}};
}

FileRecord write(CheckpointFolder& folder, std::int64_t step, const std::string& file, const NamedTensors& tensors) {
  std::vector<NamedTensor> views;
  std::vector<at::Tensor> held;
  for (const auto& [name, tensor] : tensors) {
    held.push_back(tensor.contiguous().cpu());
    views.push_back(named(name, held.back()));
  }
  return folder.write(step, file, views);
}

NamedTensors tensors_of(const SafetensorsFile& file) {
  NamedTensors result;
  for (const NamedTensor& tensor : file.tensors()) {
    at::Tensor copy = at::empty(tensor.shape, type_of(tensor.type));
    std::memcpy(copy.data_ptr(), tensor.bytes.data(), tensor.bytes.size());
    result.emplace_back(tensor.name, std::move(copy));
  }
  return result;
}

void copy_field(const NamedTensors& from, const std::string& file, StateField& field) {
  const auto found = std::find_if(from.begin(), from.end(), [&](const auto& t) { return t.first == field.name; });
  if (found == from.end()) return;
  if (found->second.sizes() != field.tensor.sizes() || found->second.scalar_type() != field.tensor.scalar_type())
    throw CheckpointError("'" + file + "': " + field.name + " has " + std::to_string(found->second.numel()) +
                          " numbers, this run needs " + std::to_string(field.tensor.numel()) + " of its own type");
  field.tensor.copy_(found->second);
  field.name.clear();
}

}  // namespace

std::vector<nlohmann::json> gather_reports(const nlohmann::json& report, Worker& worker) {
  at::Tensor row = at::zeros({kReportBytes}, at::kByte);
  const std::string text = report.dump();
  std::memcpy(row.data_ptr(), text.data(), std::min(text.size(), static_cast<std::size_t>(kReportBytes)));
  const at::Tensor rows = worker.gather(row, Purpose::measurement).contiguous();
  std::vector<nlohmann::json> reports;
  for (std::int64_t rank = 0; rank < rows.size(0); ++rank) {
    const auto* bytes = static_cast<const char*>(rows.data_ptr()) + rank * kReportBytes;
    reports.push_back(nlohmann::json::parse(std::string(bytes, strnlen(bytes, kReportBytes))));
  }
  return reports;
}

void save_checkpoint(CheckpointFolder& folder, std::int64_t step, const std::vector<StateField>& state,
                     const NamedTensors& model, nlohmann::json about, std::optional<double> loss, Worker& worker) {
  NamedTensors own, shared;
  for (const StateField& field : state) (field.shared ? shared : own).emplace_back(field.name, field.tensor);
  nlohmann::json report = nlohmann::json::array();
  const auto attempt = [&](const auto& action) {
    if (report.is_string()) return;
    try {
      action();
    } catch (const StorageError& error) {
      report = std::string(error.what()).substr(0, kReportBytes / 2);
    }
  };
  const auto add = [&](const std::string& file, const NamedTensors& tensors) {
    const FileRecord record = write(folder, step, file, tensors);
    report.push_back({{"name", record.name}, {"bytes", record.bytes}, {"sha256", record.sha256}});
  };
  if (worker.rank() == 0) attempt([&] { folder.begin(step); });
  worker.barrier();
  attempt([&] { add(rank_file(worker.rank()), own); });
  if (worker.rank() == 0) attempt([&] { add("shared.safetensors", shared), add("model.safetensors", model); });

  // Everybody learns of every file, or of the first failure.
  const std::vector<nlohmann::json> reports = gather_reports(report, worker);
  std::vector<FileRecord> files;
  std::string failure;
  for (const auto& said : reports) {
    if (said.is_string() && failure.empty()) failure = said.get<std::string>();
    if (said.is_array())
      for (const auto& file : said) files.push_back({file.at("name"), file.at("bytes"), file.at("sha256")});
  }
  report = nlohmann::json::array();
  if (worker.rank() == 0 && !failure.empty()) folder.abandon(step);
  if (worker.rank() == 0 && failure.empty()) attempt([&] { folder.commit(step, std::move(about), files, loss); });
  const nlohmann::json committed = gather_reports(report, worker).front();
  if (committed.is_string()) failure = committed.get<std::string>();
  if (!failure.empty())
    throw StorageError("the checkpoint of step " + std::to_string(step) + " could not be saved: " + failure);
}

void load_checkpoint(const Checkpoint& checkpoint, std::vector<StateField> state, int rank) {
  // Usually the first two have everything; workers that other processes trained before are in those's files.
  std::vector<std::string> files = {"shared.safetensors", rank_file(rank)};
  for (const FileRecord& file : checkpoint.files)
    if (file.name.starts_with("rank-") && file.name != files[1]) files.push_back(file.name);
  const auto missing = [&] {
    return std::find_if(state.begin(), state.end(), [](const StateField& field) { return !field.name.empty(); });
  };
  for (const std::string& file : files) {
    if (missing() == state.end()) return;
    if (std::none_of(checkpoint.files.begin(), checkpoint.files.end(), [&](const auto& f) { return f.name == file; }))
      continue;
    const NamedTensors tensors = tensors_of(checkpoint.read(file));
    for (StateField& field : state) copy_field(tensors, (checkpoint.folder / file).string(), field);
  }
  if (missing() != state.end())
    throw CheckpointError("'" + checkpoint.folder.string() + "' has no tensor " + missing()->name);
}

NamedTensors load_weights(const fs::path& place) {
  std::error_code no_such;
  if (fs::is_regular_file(place, no_such)) return tensors_of(SafetensorsFile::read(place));
  if (fs::is_regular_file(place / "model.safetensors", no_such))
    return tensors_of(SafetensorsFile::read(place / "model.safetensors"));
  if (fs::is_directory(place, no_such)) {
    CheckpointFolder folder(place);
    const auto warn = [](const std::string& why) { std::fprintf(stderr, "%s\n", why.c_str()); };
    if (const auto newest = folder.newest_valid(warn)) return tensors_of(newest->read("model.safetensors"));
  }
  throw CheckpointError("'" + place.string() +
                        "' is no safetensors file, no checkpoint and no results folder with one (start.weights)");
}

}  // namespace quasar
