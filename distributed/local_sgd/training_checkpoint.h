#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "distributed/checkpoint/checkpoint_folder.h"
#include "distributed/engine/workers.h"
#include "distributed/local_sgd/local_sgd.h"
#include "distributed/networks/flat_parameters.h"

namespace quasar {

/// What every process has to say, by rank, in at most 1,024 bytes. A collective.
std::vector<nlohmann::json> gather_reports(const nlohmann::json& report, Worker& worker);

/// Saves the state of all workers as one checkpoint: rank-000.safetensors ... of each process, shared.safetensors and
/// model.safetensors (the average at this moment, by name) of worker 0's, the manifest last. A collective.
///
/// throws  StorageError on all processes alike, with the first failing one's reason; then nothing is left of it
void save_checkpoint(CheckpointFolder& folder, std::int64_t step, const std::vector<StateField>& state,
                     const NamedTensors& model, nlohmann::json about, std::optional<double> loss, Worker& worker);

/// Copies a checkpoint's tensors into the state; throws CheckpointError naming what is missing or of another size.
void load_checkpoint(const Checkpoint& checkpoint, std::vector<StateField> state, int rank);

/// The named tensors of a safetensors file, of a checkpoint's model, or of the newest checkpoint of a results folder.
NamedTensors load_weights(const std::filesystem::path& place);

}  // namespace quasar
