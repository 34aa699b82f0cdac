#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include <nlohmann/json.hpp>

#include "core/config.h"
#include "core/recorder.h"
#include "experiments/commands.h"

namespace quasar {

/// Which run this is: read before any other option, since every command has it.
struct RunOptions {
  std::string name;
  std::string results;
  std::uint64_t seed;
  std::string part = "";  ///< put behind the folder's name, for a run that is a part of another

  static RunOptions read(const Config& config, const std::string& default_name);
  /// The results folder <results>/<name>/<hash of the settings><part>.
  std::filesystem::path folder(const Config& config) const;
};

/// Runs `body` in results/<name>/<hash of the settings>/ and leaves its status there, whatever happens.
///
/// A finished run of the same settings and the same code is kept and said to be done. A body that throws leaves
/// `diverged`, `interrupted` or `failed` with the reason, and the exception goes on to main. `resume_from`, if given, is
/// where the folder's records are to go on.
FinishedRun run_in_folder(const Config& config, const RunOptions& options, nlohmann::json about, bool dry_run,
                          const std::function<void(Recorder&)>& body, const Recorder::Offsets* resume_from = nullptr);

}  // namespace quasar
