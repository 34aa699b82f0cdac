#include "distributed/data/procedural_images.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/random.h"

namespace quasar {
namespace {

constexpr int kSide = 28;
constexpr int kClasses = 10;
constexpr std::uint64_t kSeed = 2810;

double unit(std::uint32_t word) { return (word + 0.5) / 4294967296.0; }

void draw_image(Draw draw, int label, std::uint8_t* pixels) {
  const Words first = words(draw);
  ++draw.index;
  const Words second = words(draw);
  const double angle = std::numbers::pi * label / kClasses;
  const double phase = 2.0 * std::numbers::pi * unit(first.w[0]);
  const double wavelength = 5.0 + 3.0 * unit(first.w[1]);
  const double contrast = 60.0 + 50.0 * unit(first.w[2]);
  const double centre_x = 10.0 + 8.0 * unit(second.w[0]);
  const double centre_y = 10.0 + 8.0 * unit(second.w[1]);
  constexpr double kWindowWidth = 9.0, kNoise = 12.0;
  for (int i = 0; i < kSide * kSide; i += 4) {
    float noise[4];
    ++draw.index;
    normals(draw, noise);
    for (int lane = 0; lane < 4; ++lane) {
      const double x = (i + lane) % kSide - centre_x, y = (i + lane) / kSide - centre_y;
      const double along = x * std::cos(angle) + y * std::sin(angle);
      const double window = std::exp(-(x * x + y * y) / (2.0 * kWindowWidth * kWindowWidth));
      const double wave = std::cos(2.0 * std::numbers::pi * along / wavelength + phase);
      const double value = window * (128.0 + contrast * wave) + kNoise * noise[lane];
      pixels[i + lane] = static_cast<std::uint8_t>(std::clamp(std::round(value), 0.0, 255.0));
    }
  }
}

}  // namespace

ImageSet procedural_images(Split split, int count) {
  ImageSet set{.rows = kSide, .cols = kSide, .pixels = {}, .labels = {}, .source = "procedural"};
  set.pixels.resize(static_cast<std::size_t>(count) * kSide * kSide);
  for (int i = 0; i < count; ++i) {
    const int label = i % kClasses;
    const Draw draw{.seed = kSeed,
                    .use = Use::procedural_images,
                    .replica = split == Split::train ? 0u : 1u,
                    .step = static_cast<std::uint64_t>(i)};
    draw_image(draw, label, set.pixels.data() + static_cast<std::size_t>(i) * kSide * kSide);
    set.labels.push_back(static_cast<std::uint8_t>(label));
  }
  return set;
}

}  // namespace quasar
