// quasar export: the records of results folders as CSV or event files, written by the Python reader in notebooks/.

#include <cstdio>
#include <filesystem>

#include "core/build_info.h"
#include "core/errors.h"
#include "core/subprocess.h"
#include "experiments/commands.h"

namespace quasar {

namespace fs = std::filesystem;

int export_command(const std::vector<std::string>& folders, const std::string& format, const std::string& out) {
  for (const auto& folder : folders)
    if (!fs::is_directory(folder)) throw ConfigError("'" + folder + "' is not a results folder");
  const fs::path script = fs::path(build_info().source_dir) / "notebooks" / "export.py";
  std::vector<std::string> command = {python_interpreter(), script.string(), "--format=" + format};
  if (!out.empty()) command.push_back("--out=" + out);
  command.push_back("--");  // a folder's name may start with a dash
  command.insert(command.end(), folders.begin(), folders.end());
  const int status = run_subprocess(command);
  if (status == 126 || status == 127) {
    std::printf("nothing was exported; with Python 3.11 and notebooks/requirements.txt installed run\n ");
    for (const auto& word : command) std::printf(" %s", word.c_str());
    std::printf("\n");
    return static_cast<int>(ExitCode::usage);
  }
  return status;
}

}  // namespace quasar
