#pragma once

#include <cstdint>
#include <span>

#include "distributed/data/image_batches.h"

namespace quasar {

/// Whether left and right are exchanged at a visit.
bool is_flipped(const AugmentationOptions& options, std::int64_t position);

/// With probability options.label_flip another one of the classes, each alike.
std::int64_t flipped_label(const AugmentationOptions& options, int classes, std::int64_t label, std::int64_t position);

/// Mixup (Zhang et al., ICLR 2018) within a batch: image i with image b - 1 - i, lambda named by the first visit.
template <class Real>
void mix(const AugmentationOptions& options, std::span<const Visit> visits, std::int64_t image_size, Real* inputs,
         const std::int64_t* labels, MixUp& mix_up);

extern template void mix(const AugmentationOptions&, std::span<const Visit>, std::int64_t, float*, const std::int64_t*,
                         MixUp&);
extern template void mix(const AugmentationOptions&, std::span<const Visit>, std::int64_t, double*, const std::int64_t*,
                         MixUp&);

/// throws  ConfigError for a label_flip or mixup that cannot be, naming the key
void check_mixing(const AugmentationOptions& options, int classes);

}  // namespace quasar
