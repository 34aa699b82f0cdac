#include "experiments/draw_figure.h"

#include <cstdio>
#include <string>

#include "core/build_info.h"
#include "core/subprocess.h"

namespace quasar {

void draw_figure(const std::filesystem::path& folder) {
  std::fflush(stdout);
  const auto script = std::filesystem::path(build_info().source_dir) / "notebooks" / "draw.py";
  const std::string python = python_interpreter();
  const int status = run_subprocess({python, script.string(), folder.string()});
  if (status != 0)
    std::printf("the figure was not drawn; with matplotlib installed run\n  %s %s %s\n", python.c_str(), script.c_str(),
                folder.c_str());
}

}  // namespace quasar
