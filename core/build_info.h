#pragma once

#include <string>

namespace quasar {

/// What this binary was built from, and how; written into every run.json and into the report of `quasar doctor`.
struct BuildInfo {
  std::string version;     ///< of the project, such as "0.1.0"
  std::string commit;      ///< full git hash, or "unknown" outside a git checkout
  bool dirty;              ///< tracked files differed from that commit; false where the commit is unknown
  std::string code_id;     ///< 16 hex digits of a SHA-256 over our source files: equal code, with or without git
  std::string compiler;    ///< such as "GNU 12.2.0"
  std::string flags;       ///< those that can change a number; warnings are left out
  std::string build_type;  ///< such as "Release"
  std::string source_dir;  ///< absolute path at build time, for files a run reads beside the code
  bool torch;              ///< built with LibTorch
  bool cuda;               ///< built with our CUDA kernels
  bool nccl;               ///< built with the trainer on GPUs
};

/// The one instance, compiled into the library quasar_build_info.
const BuildInfo& build_info();

}  // namespace quasar
