#include "distributed/data/procedural_color.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/random.h"

namespace quasar {
namespace {

constexpr int kSide = 32, kChannels = 3, kClasses = 10, kTextures = 5;
constexpr std::uint64_t kSeed = 3220;

/// Uniform numbers of one image, one after the other.
class Stream {
 public:
  explicit Stream(const Draw& draw) : draw_(draw) {}

  double between(double low, double high) {
    if (used_ == 4) {
      random_ = words(draw_);
      ++draw_.index;
      used_ = 0;
    }
    return low + (high - low) * (random_.w[used_++] + 0.5) / 4294967296.0;
  }

 private:
  Draw draw_;
  Words random_{};
  int used_ = 4;
};

struct Texture {
  int kind;
  double x, y, frequency, phase, second_phase;

  /// From -1 to 1.
  double at(int row, int col) const {
    const double across = col - x, down = row - y;
    switch (kind) {
      case 0:
        return std::cos(frequency * across + phase);
      case 1:
        return std::cos(frequency * down + phase);
      case 2:
        return std::cos(frequency * across + phase) * std::cos(frequency * down + second_phase);
      case 3:
        return std::cos(frequency * std::sqrt(across * across + down * down) + phase);
      default:
        return std::cos(frequency * (std::abs(across) + std::abs(down)) / std::numbers::sqrt2 + phase);
    }
  }
};

void draw_image(const Draw& draw, int label, std::uint8_t* pixels) {
  Stream random(draw);
  const bool fine = label < kTextures;
  const double wavelength = fine ? random.between(3.5, 5.0) : random.between(7.0, 10.0);
  constexpr double kTurn = 2.0 * std::numbers::pi;
  const Texture texture{.kind = label % kTextures,
                        .x = random.between(10.0, 22.0),
                        .y = random.between(10.0, 22.0),
                        .frequency = kTurn / wavelength,
                        .phase = random.between(0.0, kTurn),
                        .second_phase = random.between(0.0, kTurn)};
  std::array<double, kChannels> mean, contrast, patch;
  for (int channel = 0; channel < kChannels; ++channel) {
    mean[channel] = random.between(70.0, 185.0);
    contrast[channel] = random.between(-60.0, 60.0);
    patch[channel] = random.between(0.0, 255.0);
  }
  const double patch_size = random.between(6.0, 14.0);
  const double patch_row = random.between(0.0, kSide - patch_size), patch_col = random.between(0.0, kSide - patch_size);
  const auto in_patch = [&](int row, int col) {
    return row >= patch_row && row < patch_row + patch_size && col >= patch_col && col < patch_col + patch_size;
  };
  constexpr double kNoise = 18.0;
  constexpr std::uint32_t kBlocksOfStream = 16;  // more than Stream uses
  for (int row = 0; row < kSide; ++row)
    for (int col = 0; col < kSide; ++col) {
      float noise[4];
      Draw noise_draw = draw;
      noise_draw.index = kBlocksOfStream + static_cast<std::uint32_t>(row * kSide + col);
      normals(noise_draw, noise);
      const double wave = texture.at(row, col);
      for (int channel = 0; channel < kChannels; ++channel) {
        const double value = in_patch(row, col) ? patch[channel] : mean[channel] + contrast[channel] * wave;
        const double byte = std::clamp(value + kNoise * noise[channel], 0.0, 255.0);
        pixels[(channel * kSide + row) * kSide + col] = static_cast<std::uint8_t>(byte + 0.5);
      }
    }
}

}  // namespace

LabelledImages procedural_color_images(Split split, int count) {
  LabelledImages images{.channels = kChannels,
                        .rows = kSide,
                        .cols = kSide,
                        .classes = kClasses,
                        .count = count,
                        .pixels = {},
                        .labels = {},
                        .mean = {},
                        .deviation = {},
                        .source = "procedural_color"};
  constexpr std::size_t kImage = kChannels * kSide * kSide;
  images.pixels.resize(static_cast<std::size_t>(count) * kImage);
  for (int i = 0; i < count; ++i) {
    const int label = i % kClasses;
    const Draw draw{.seed = kSeed,
                    .use = Use::procedural_images,
                    .replica = split == Split::train ? 0u : 1u,
                    .step = static_cast<std::uint64_t>(i)};
    draw_image(draw, label, images.pixels.data() + static_cast<std::size_t>(i) * kImage);
    images.labels.push_back(static_cast<std::uint8_t>(label));
  }
  return images;
}

}  // namespace quasar
