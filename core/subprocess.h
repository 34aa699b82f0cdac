#pragma once

#include <string>
#include <vector>

namespace quasar {

/// Runs a program (found on PATH, no shell) with our standard streams and waits; its exit code, 127 if it cannot start.
int run_subprocess(const std::vector<std::string>& command);

/// The Python to call: $QUASAR_PYTHON, else the newest environment that quickstart.sh made in the cache, else python3.
std::string python_interpreter();

}  // namespace quasar
