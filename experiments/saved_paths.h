#pragma once

#include <cstring>
#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "core/config.h"
#include "core/recorder.h"
#include "sde/path_ensemble.h"

namespace quasar {

/// An interrupted run's paths or replicas as they are kept in its results folder: a line of JSON, then raw numbers.
struct SavedPaths {
  static constexpr const char* file_name = "paths.state";

  std::int64_t step = 0;
  Recorder::Offsets records;                       ///< the length of each series at that step
  std::string numbers;                             ///< pack()
  nlohmann::json more = nlohmann::json::object();  ///< what else a restart needs

  /// Writes it into the recorder's folder, whole or not at all.
  void write(Recorder& recorder, const Config& config, const std::string& file = file_name) const;
  /// Empty if there is none. Throws CheckpointError naming the file if it is damaged, or of another build or settings.
  static std::optional<SavedPaths> read(const std::filesystem::path& folder, const Config& config,
                                        const std::string& name = file_name);
};

/// Every number of a state as this machine's memory has it.
template <int Dim>
std::string pack(const PathState<Dim>& state) {
  std::string bytes;
  const auto append = [&](const auto* first, std::size_t count) {
    bytes.append(reinterpret_cast<const char*>(first), count * sizeof(*first));
  };
  for (const auto& x : state.positions) append(x.data(), static_cast<std::size_t>(x.size()));
  for (const auto& x : state.coarse) append(x.data(), static_cast<std::size_t>(x.size()));
  for (const auto& x : state.second_moments) append(x.data(), static_cast<std::size_t>(x.size()));
  append(state.events.data(), state.events.size());
  append(state.event_steps.data(), state.event_steps.size());
  return bytes;
}

/// The state that was packed, given one of the same shape; false if the number of bytes is not that of the shape.
template <int Dim>
bool unpack(const std::string& bytes, PathState<Dim>& state) {
  std::size_t used = 0;
  const auto take = [&](auto* first, std::size_t count) {
    const std::size_t size = count * sizeof(*first);
    if (used + size <= bytes.size()) std::memcpy(first, bytes.data() + used, size);
    used += size;
  };
  for (auto& x : state.positions) take(x.data(), static_cast<std::size_t>(x.size()));
  for (auto& x : state.coarse) take(x.data(), static_cast<std::size_t>(x.size()));
  for (auto& x : state.second_moments) take(x.data(), static_cast<std::size_t>(x.size()));
  take(state.events.data(), state.events.size());
  take(state.event_steps.data(), state.event_steps.size());
  return used == bytes.size();
}

}  // namespace quasar
