#pragma once

#include <string>

namespace quasar {

/// Version of the LibTorch in this binary, or how to get it.
std::string networks_library();

}  // namespace quasar
