#pragma once

#include <filesystem>

namespace quasar {

/// Draws the figures of a results folder into it by notebooks/draw.py, which prints their names; where Python cannot, the
/// line to run is printed instead.
void draw_figure(const std::filesystem::path& folder);

}  // namespace quasar
