#include "distributed/data/photo_operations.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

namespace quasar {
namespace {

using Table = std::array<std::uint8_t, 256>;
using Histogram = std::array<std::int64_t, 256>;

/// Where an output pixel's centre lies in the photograph: (a x + b y + c, d x + e y + f).
struct Affine {
  double a, b, c, d, e, f;
};

std::int64_t fixed(double value) { return static_cast<std::int64_t>(std::floor(value * 65536.0 + 0.5)); }

void transform(const Affine& map, Photo& photo, Photo& scratch) {
  scratch.resize(photo.size);
  const auto [rows, cols] = photo.size;
  const std::int64_t a = fixed(map.a), b = fixed(map.b), d = fixed(map.d), e = fixed(map.e);
  std::int64_t row_x = fixed(map.c + map.a * 0.5 + map.b * 0.5), row_y = fixed(map.f + map.d * 0.5 + map.e * 0.5);
  for (int row = 0; row < rows; ++row, row_x += b, row_y += e) {
    std::uint8_t* out = scratch.row(row);
    std::int64_t x = row_x, y = row_y;
    for (int col = 0; col < cols; ++col, x += a, y += d, out += 3) {
      const std::int64_t from_col = x >> 16, from_row = y >> 16;
      if (from_col < 0 || from_col >= cols || from_row < 0 || from_row >= rows)
        std::fill_n(out, 3, std::uint8_t{0});
      else
        std::copy_n(photo.row(static_cast<int>(from_row)) + 3 * from_col, 3, out);
    }
  }
  std::swap(photo, scratch);
}

void rotate(double degrees, Photo& photo, Photo& scratch) {
  const double angle = -degrees * std::numbers::pi / 180.0;
  const double cosine = std::cos(angle), sine = std::sin(angle);
  const double x = photo.size.cols / 2.0, y = photo.size.rows / 2.0;
  transform(
      {.a = cosine, .b = sine, .c = x - cosine * x - sine * y, .d = -sine, .e = cosine, .f = y + sine * x - cosine * y},
      photo, scratch);
}

/// ITU-R 601's luma in 16 bits, as Pillow's convert("L") has it.
std::uint8_t grey_of(const std::uint8_t* pixel) {
  return static_cast<std::uint8_t>((pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >> 16);
}

std::uint8_t mean_grey(const Photo& photo) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < photo.pixels.size(); i += 3) sum += grey_of(photo.pixels.data() + i);
  return static_cast<std::uint8_t>(static_cast<double>(sum) / (static_cast<double>(photo.pixels.size()) / 3.0) + 0.5);
}

/// from + factor (to - from), cut to a byte.
std::uint8_t blended(std::uint8_t from, std::uint8_t to, float factor) {
  const float value = static_cast<float>(from) + factor * static_cast<float>(to - from);
  return static_cast<std::uint8_t>(std::clamp(value, 0.0f, 255.0f));
}

/// Replaces each byte by blended(degenerate(pixel), byte).
template <class Degenerate>
void blend(double factor, Photo& photo, const Degenerate& degenerate) {
  const auto share = static_cast<float>(factor);
  for (std::size_t i = 0; i < photo.pixels.size(); i += 3) {
    std::uint8_t* pixel = photo.pixels.data() + i;
    const std::uint8_t from = degenerate(pixel);
    for (int channel = 0; channel < 3; ++channel) pixel[channel] = blended(from, pixel[channel], share);
  }
}

/// The degenerate image is smoothed by (1 1 1; 1 5 1; 1 1 1) / 13, but for its border, which is itself.
void sharpen(double factor, Photo& photo, Photo& scratch) {
  scratch = photo;
  const auto share = static_cast<float>(factor);
  const auto [rows, cols] = photo.size;
  for (int row = 1; row + 1 < rows; ++row)
    for (int i = 3; i < 3 * (cols - 1); ++i) {
      int sum = 4 * scratch.row(row)[i];
      for (const int near : {row - 1, row, row + 1})
        for (const int step : {-3, 0, 3}) sum += scratch.row(near)[i + step];
      const auto smooth = static_cast<std::uint8_t>((2 * sum + 13) / 26);
      photo.row(row)[i] = blended(smooth, scratch.row(row)[i], share);
    }
}

/// Replaces each byte of a channel by its entry in that channel's table.
template <class MakeTable>
void look_up(Photo& photo, const MakeTable& make_table) {
  for (std::size_t channel = 0; channel < 3; ++channel) {
    Histogram histogram{};
    for (std::size_t i = channel; i < photo.pixels.size(); i += 3) ++histogram[photo.pixels[i]];
    const Table table = make_table(histogram);
    for (std::size_t i = channel; i < photo.pixels.size(); i += 3) photo.pixels[i] = table[photo.pixels[i]];
  }
}

template <class Entry>
Table tabulated(const Entry& entry) {
  Table table;
  for (int byte = 0; byte < 256; ++byte)
    table[static_cast<std::size_t>(byte)] = static_cast<std::uint8_t>(std::clamp(entry(byte), 0, 255));
  return table;
}

Table stretching(const Histogram& histogram) {
  const auto is_used = [](std::int64_t count) { return count > 0; };
  const auto low = std::find_if(histogram.begin(), histogram.end(), is_used) - histogram.begin();
  const auto high = 255 - (std::find_if(histogram.rbegin(), histogram.rend(), is_used) - histogram.rbegin());
  if (high <= low) return tabulated([](int byte) { return byte; });
  const double scale = 255.0 / static_cast<double>(high - low), offset = -static_cast<double>(low) * scale;
  return tabulated([&](int byte) { return static_cast<int>(byte * scale + offset); });
}

Table flattening(const Histogram& histogram) {
  std::int64_t total = 0, last = 0;
  for (const std::int64_t count : histogram) {
    total += count;
    if (count > 0) last = count;
  }
  const std::int64_t step = (total - last) / 255;
  if (step == 0) return tabulated([](int byte) { return byte; });
  std::int64_t below = step / 2;
  return tabulated([&](int byte) {
    const auto entry = static_cast<int>(below / step);
    below += histogram[static_cast<std::size_t>(byte)];
    return entry;
  });
}

}  // namespace

void apply(PhotoOperation operation, double magnitude, Photo& photo, Photo& scratch) {
  switch (operation) {
    case PhotoOperation::identity:
      return;
    case PhotoOperation::shear_x:
      return transform({1.0, magnitude, 0.0, 0.0, 1.0, 0.0}, photo, scratch);
    case PhotoOperation::shear_y:
      return transform({1.0, 0.0, 0.0, magnitude, 1.0, 0.0}, photo, scratch);
    case PhotoOperation::translate_x:
      return transform({1.0, 0.0, -std::trunc(magnitude), 0.0, 1.0, 0.0}, photo, scratch);
    case PhotoOperation::translate_y:
      return transform({1.0, 0.0, 0.0, 0.0, 1.0, -std::trunc(magnitude)}, photo, scratch);
    case PhotoOperation::rotate:
      return rotate(magnitude, photo, scratch);
    case PhotoOperation::brightness:
      return blend(1.0 + magnitude, photo, [](const std::uint8_t*) { return std::uint8_t{0}; });
    case PhotoOperation::color:
      return blend(1.0 + magnitude, photo, grey_of);
    case PhotoOperation::contrast:
      return blend(1.0 + magnitude, photo, [mean = mean_grey(photo)](const std::uint8_t*) { return mean; });
    case PhotoOperation::sharpness:
      return sharpen(1.0 + magnitude, photo, scratch);
    case PhotoOperation::posterize:
      return look_up(photo, [&](const Histogram&) {
        return tabulated(
            [mask = 0xff & ~((1 << (8 - static_cast<int>(magnitude))) - 1)](int byte) { return byte & mask; });
      });
    case PhotoOperation::solarize:
      return look_up(photo, [&](const Histogram&) {
        return tabulated([&](int byte) { return byte < magnitude ? byte : 255 - byte; });
      });
    case PhotoOperation::auto_contrast:
      return look_up(photo, stretching);
    case PhotoOperation::equalize:
      return look_up(photo, flattening);
  }
}

}  // namespace quasar
