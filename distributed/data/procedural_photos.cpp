#include "distributed/data/procedural_photos.h"

#include <cmath>
#include <numbers>

#include "core/random.h"
#include "distributed/data/word_hash.h"

namespace quasar {
namespace {

constexpr std::uint64_t kSeed = 2240;
constexpr int kDirections = 25, kLeastSide = 180, kSides = 240;

double unit(std::uint32_t word) { return (word + 0.5) / 4294967296.0; }

class ProceduralReader final : public PhotoReader {
 public:
  ProceduralReader(Split split, int classes) : split_(split), classes_(classes) {}

  PhotoSize open(std::int64_t sample) override {
    label_ = static_cast<int>(sample % classes_);
    draw_ = {.seed = kSeed,
             .use = Use::procedural_images,
             .replica = split_ == Split::train ? 2u : 3u,
             .step = static_cast<std::uint64_t>(sample)};
    const Words sides = words(draw_);
    size_ = {.rows = kLeastSide + static_cast<int>(uniform_below(sides.w[0], kSides)),
             .cols = kLeastSide + static_cast<int>(uniform_below(sides.w[1], kSides))};
    return size_;
  }

  void decode(int denominator, Photo& photo) override {
    photo.resize(
        {.rows = (size_.rows + denominator - 1) / denominator, .cols = (size_.cols + denominator - 1) / denominator});
    draw_.index = 1;
    const Words first = words(draw_);
    draw_.index = 2;
    const Words second = words(draw_);
    const int steps = (classes_ + kDirections - 1) / kDirections;
    const double angle = 0.5 * std::numbers::pi * (label_ % kDirections + 0.5) / kDirections;
    const double wavelength = 12.0 * std::exp2(3.0 * (label_ / kDirections) / steps);
    const double frequency = 2.0 * std::numbers::pi * denominator / wavelength;
    const double right = frequency * std::cos(angle), down = frequency * std::sin(angle);
    const double phase = 2.0 * std::numbers::pi * unit(first.w[3]);
    for (int row = 0; row < photo.size.rows; ++row) {
      std::uint8_t* pixel = photo.row(row);
      for (int col = 0; col < photo.size.cols; ++col, pixel += 3) {
        const double wave = std::cos(right * col + down * row + phase);
        for (int channel = 0; channel < 3; ++channel) {
          const double mean = 80.0 + 90.0 * unit(first.w[channel]), contrast = 140.0 * unit(second.w[channel]) - 70.0;
          pixel[channel] = static_cast<std::uint8_t>(mean + contrast * wave);
        }
      }
    }
  }

 private:
  const Split split_;
  const int classes_;
  int label_ = 0;
  Draw draw_{};
  PhotoSize size_;
};

class ProceduralPhotos final : public PhotoSet {
 public:
  ProceduralPhotos(Split split, std::int64_t count, int classes) : split_(split), count_(count), classes_(classes) {}

  std::int64_t count() const override { return count_; }
  int classes() const override { return classes_; }
  int label(std::int64_t sample) const override { return static_cast<int>(sample % classes_); }
  std::string place(std::int64_t sample) const override { return "procedural photograph " + std::to_string(sample); }
  std::string source() const override { return "procedural_photos"; }
  std::uint64_t identity() const override {
    return hash_word(hash_word(kSeed, static_cast<std::uint64_t>(count_)), static_cast<std::uint64_t>(classes_));
  }
  std::unique_ptr<PhotoReader> make_reader() const override {
    return std::make_unique<ProceduralReader>(split_, classes_);
  }

 private:
  const Split split_;
  const std::int64_t count_;
  const int classes_;
};

}  // namespace

std::unique_ptr<PhotoSet> procedural_photos(Split split, const ProceduralPhotoCounts& counts) {
  return std::make_unique<ProceduralPhotos>(split, split == Split::train ? counts.train : counts.test, counts.classes);
}

}  // namespace quasar
