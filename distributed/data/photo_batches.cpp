#include "distributed/data/photo_batches.h"

#include <utility>

#include "distributed/data/batch_mixing.h"

namespace quasar {
namespace {

constexpr std::array<float, 3> kMean = {0.485f, 0.456f, 0.406f}, kDeviation = {0.229f, 0.224f, 0.225f};

}  // namespace

template <class Real>
PhotoBatches<Real>::PhotoBatches(std::shared_ptr<const PhotoSet> set, const PhotoOptions& options,
                                 const AugmentationOptions& augmentation, ImageLayout layout,
                                 std::shared_ptr<DamagedSamples> damaged)
    : augmentation_(augmentation),
      layout_(layout),
      classes_(set->classes()),
      image_size_(std::int64_t{3} * options.size * options.size) {
  check_mixing(augmentation, classes_);
  for (std::size_t channel = 0; channel < 3; ++channel)
    for (std::size_t byte = 0; byte < 256; ++byte)
      normalised_[channel][byte] = (static_cast<Real>(byte) / Real{255} - static_cast<Real>(kMean[channel])) /
                                   static_cast<Real>(kDeviation[channel]);
  pipeline_ = std::make_unique<PhotoPipeline>(std::move(set), options, augmentation, std::move(damaged));
}

template <class Real>
void PhotoBatches<Real>::write(const Photo& photo, Real* image) const {
  const std::size_t pixels = photo.pixels.size() / 3;
  const bool last = layout_ == ImageLayout::channels_last;
  const std::size_t pixel_step = last ? 3 : 1, channel_step = last ? 1 : pixels;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const std::array<Real, 256>& normalised = normalised_[channel];
    const std::uint8_t* byte = photo.pixels.data() + channel;
    Real* out = image + channel * channel_step;
    for (std::size_t i = 0; i < pixels; ++i) out[i * pixel_step] = normalised[byte[3 * i]];
  }
}

template <class Real>
void PhotoBatches<Real>::read(std::span<const Visit> visits, Real* inputs, std::int64_t* labels, MixUp* mix_up) const {
  pipeline_->take(visits, [&](std::size_t i, const PreparedPhoto& prepared) {
    write(prepared.photo, inputs + static_cast<std::int64_t>(i) * image_size_);
    labels[i] = flipped_label(augmentation_, classes_, prepared.label, visits[i].position);
  });
  if (augmentation_.mixup > 0.0 && mix_up != nullptr && !visits.empty())
    mix(augmentation_, visits, image_size_, inputs, labels, *mix_up);
}

template <class Real>
std::int64_t PhotoBatches<Real>::read_plain(std::int64_t first, std::int64_t count, Real* inputs,
                                            std::int64_t* labels) const {
  std::int64_t written = 0;
  pipeline_->take_plain(first, count, [&](std::size_t, const PreparedPhoto& prepared) {
    write(prepared.photo, inputs + written * image_size_);
    labels[written++] = prepared.label;
  });
  return written;
}

template <class Real>
void PhotoBatches<Real>::prefetch(std::span<const Visit> visits) const {
  pipeline_->hint(visits);
}

template class PhotoBatches<float>;
template class PhotoBatches<double>;

}  // namespace quasar
