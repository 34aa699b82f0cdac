#pragma once

#include <filesystem>

namespace quasar {

/// Where what was fetched is kept: $QUASAR_CACHE, else $XDG_CACHE_HOME/quasar, else ~/.cache/quasar.
std::filesystem::path cache_folder();

}  // namespace quasar
