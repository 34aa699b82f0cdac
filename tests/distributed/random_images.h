#pragma once

#include "core/random.h"
#include "distributed/data/labelled_images.h"
#include "distributed/data/sampler.h"

namespace quasar {

/// Images of random bytes, 3 x rows x cols, image i of class i mod 10.
inline LabelledImages random_images(std::int64_t count, int rows = 5, int cols = 7) {
  LabelledImages images{.channels = 3,
                        .rows = rows,
                        .cols = cols,
                        .classes = 10,
                        .count = count,
                        .pixels = {},
                        .labels = {},
                        .mean = {0.4f, 0.5f, 0.6f},
                        .deviation = {0.2f, 0.25f, 0.3f},
                        .source = "test"};
  images.pixels.resize(static_cast<std::size_t>(count * 3 * rows * cols));
  for (std::size_t i = 0; i < images.pixels.size(); ++i)
    images.pixels[i] =
        static_cast<std::uint8_t>(words({.seed = 21, .use = Use::toy_noise, .replica = 0, .step = i}).w[0] >> 24);
  for (std::int64_t i = 0; i < count; ++i) images.labels.push_back(static_cast<std::uint8_t>(i % 10));
  return images;
}

/// Visits of samples 0, 1, ..., count - 1, 0, ... at the positions from `first` on.
inline std::vector<Visit> visits_in_turn(std::int64_t count, std::int64_t samples, std::int64_t first = 0) {
  std::vector<Visit> visits;
  for (std::int64_t i = first; i < first + count; ++i) visits.push_back({i % samples, i, i / samples});
  return visits;
}

}  // namespace quasar
