#include "distributed/data/batch_reader.h"

#include <algorithm>
#include <string>

#include "core/errors.h"
#include "core/random.h"
#include "distributed/data/batch_mixing.h"

namespace quasar {
namespace {

Draw draw_of(const AugmentationOptions& options, Use use, std::int64_t position) {
  return {.seed = options.seed, .use = use, .replica = 0, .step = static_cast<std::uint64_t>(position)};
}

}  // namespace

template <class Real>
BatchReader<Real>::BatchReader(const LabelledImages& images, const AugmentationOptions& options, ImageLayout layout)
    : images_(images), options_(options), layout_(layout) {
  if (images.count < 1) throw ConfigError("data.*: the data set is empty; choose another data.name or more images");
  if (options.crop_padding < 0 || options.crop_padding >= std::min(images.rows, images.cols))
    throw ConfigError("data.crop_padding = " + std::to_string(options.crop_padding) +
                      ": must be between 0 and less than the images' " + std::to_string(images.rows) + "x" +
                      std::to_string(images.cols) + " pixels");
  check_mixing(options, images.classes);
  image_size_ = std::int64_t{images.channels} * images.rows * images.cols;
  for (int channel = 0; channel < images.channels; ++channel) {
    const Real mean = images.mean[static_cast<std::size_t>(channel)];
    const Real deviation = images.deviation[static_cast<std::size_t>(channel)];
    for (int byte = 0; byte < 256; ++byte)
      normalised_.push_back((static_cast<Real>(byte) / Real{255} - mean) / deviation);
  }
}

template <class Real>
void BatchReader<Real>::write_image(std::int64_t sample, Place place, Real* image) const {
  const int channels = images_.channels, rows = images_.rows, cols = images_.cols;
  const bool last = layout_ == ImageLayout::channels_last;
  const std::ptrdiff_t channel_step = last ? 1 : rows * cols, row_step = last ? cols * channels : cols;
  const std::ptrdiff_t col_step = (place.flip ? -1 : 1) * (last ? channels : 1);
  // Column j of the crop shows column j + right of the image, where there is one.
  const int begin = std::max(0, -place.right), end = std::min(cols, cols - place.right);
  for (int channel = 0; channel < channels; ++channel) {
    const Real* normalised = normalised_.data() + 256 * channel;
    const std::uint8_t* plane = images_.pixels.data() + sample * image_size_ + channel * rows * cols;
    for (int row = 0; row < rows; ++row) {
      Real* out = image + channel * channel_step + row * row_step + (place.flip ? -(cols - 1) * col_step : 0);
      const int source_row = row + place.down;
      if (source_row < 0 || source_row >= rows) {
        for (int col = 0; col < cols; ++col) out[col * col_step] = normalised[0];
        continue;
      }
      const std::uint8_t* source = plane + source_row * cols;
      for (int col = 0; col < begin; ++col) out[col * col_step] = normalised[0];
      for (int col = begin; col < end; ++col) out[col * col_step] = normalised[source[col + place.right]];
      for (int col = end; col < cols; ++col) out[col * col_step] = normalised[0];
    }
  }
}

template <class Real>
void BatchReader<Real>::read(std::span<const Visit> visits, Real* inputs, std::int64_t* labels, MixUp* mix_up) const {
  for (std::size_t i = 0; i < visits.size(); ++i) {
    const auto& [sample, position, epoch] = visits[i];
    Place place;
    if (options_.crop_padding > 0 || options_.flip) {
      const Words random = words(draw_of(options_, Use::augmentation, position));
      const auto places = static_cast<std::uint32_t>(2 * options_.crop_padding + 1);
      place.down = static_cast<int>(uniform_below(random.w[0], places)) - options_.crop_padding;
      place.right = static_cast<int>(uniform_below(random.w[1], places)) - options_.crop_padding;
      place.flip = is_flipped(options_, position);
    }
    write_image(sample, place, inputs + static_cast<std::int64_t>(i) * image_size_);
    labels[i] = flipped_label(options_, images_.classes, images_.labels[static_cast<std::size_t>(sample)], position);
  }
  if (options_.mixup > 0.0 && mix_up != nullptr && !visits.empty())
    mix(options_, visits, image_size_, inputs, labels, *mix_up);
}

template <class Real>
std::int64_t BatchReader<Real>::read_plain(std::int64_t first, std::int64_t count, Real* inputs,
                                           std::int64_t* labels) const {
  for (std::int64_t i = 0; i < count; ++i) {
    write_image(first + i, {}, inputs + i * image_size_);
    labels[i] = images_.labels[static_cast<std::size_t>(first + i)];
  }
  return count;
}

template class BatchReader<float>;
template class BatchReader<double>;

}  // namespace quasar
