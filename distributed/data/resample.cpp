#include "distributed/data/resample.h"

#include <algorithm>
#include <cmath>

namespace quasar {
namespace {

constexpr int kFractionBits = 22;
constexpr std::int32_t kHalf = 1 << (kFractionBits - 1);

std::uint8_t byte_of(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kFractionBits, 0, 255)); }

}  // namespace

void Resampler::Axis::measure(int in, int out) {
  const double step = static_cast<double>(in) / out, scale = std::max(1.0, step);
  width = 2 * static_cast<int>(std::ceil(scale)) + 1;
  taps.resize(static_cast<std::size_t>(out));
  weights.assign(static_cast<std::size_t>(out) * static_cast<std::size_t>(width), 0);
  std::vector<double> shares(static_cast<std::size_t>(width));
  for (int i = 0; i < out; ++i) {
    const double centre = (i + 0.5) * step;
    const int first = std::max(0, static_cast<int>(centre - scale + 0.5));
    const int count = std::min(in, static_cast<int>(centre + scale + 0.5)) - first;
    double total = 0.0;
    for (int j = 0; j < count; ++j) {
      const double distance = std::abs((j + first - centre + 0.5) * (1.0 / scale));
      shares[static_cast<std::size_t>(j)] = std::max(0.0, 1.0 - distance);
      total += shares[static_cast<std::size_t>(j)];
    }
    taps[static_cast<std::size_t>(i)] = {.first = first, .count = count};
    std::int32_t* own = weights.data() + std::ptrdiff_t{i} * width;
    for (int j = 0; j < count; ++j)
      own[j] = static_cast<std::int32_t>(0.5 + shares[static_cast<std::size_t>(j)] / total * (1 << kFractionBits));
  }
}

void Resampler::resize(const Photo& photo, const PhotoBox& box, PhotoSize size, Photo& result) {
  across_.measure(box.cols, size.cols);
  down_.measure(box.rows, size.rows);
  narrowed_.resize({.rows = box.rows, .cols = size.cols});
  for (int row = 0; row < box.rows; ++row) {
    const std::uint8_t* in = photo.row(box.top + row) + std::ptrdiff_t{box.left} * 3;
    std::uint8_t* out = narrowed_.row(row);
    for (int i = 0; i < size.cols; ++i, out += 3) {
      const Taps taps = across_.taps[static_cast<std::size_t>(i)];
      const std::int32_t* weights = across_.weights.data() + std::ptrdiff_t{i} * across_.width;
      const std::uint8_t* from = in + std::ptrdiff_t{taps.first} * 3;
      std::int32_t red = kHalf, green = kHalf, blue = kHalf;
      for (int j = 0; j < taps.count; ++j, from += 3) {
        red += weights[j] * from[0];
        green += weights[j] * from[1];
        blue += weights[j] * from[2];
      }
      out[0] = byte_of(red);
      out[1] = byte_of(green);
      out[2] = byte_of(blue);
    }
  }
  result.resize(size);
  const int values = size.cols * 3;
  sums_.resize(static_cast<std::size_t>(values));
  for (int row = 0; row < size.rows; ++row) {
    const Taps taps = down_.taps[static_cast<std::size_t>(row)];
    const std::int32_t* weights = down_.weights.data() + std::ptrdiff_t{row} * down_.width;
    std::int32_t* sums = sums_.data();
    std::fill_n(sums, values, kHalf);
    for (int j = 0; j < taps.count; ++j) {
      const std::uint8_t* from = narrowed_.row(taps.first + j);
      const std::int32_t weight = weights[j];
      for (int i = 0; i < values; ++i) sums[i] += weight * from[i];
    }
    std::uint8_t* out = result.row(row);
    for (int i = 0; i < values; ++i) out[i] = byte_of(sums[i]);
  }
}

}  // namespace quasar
