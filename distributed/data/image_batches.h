#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "distributed/data/sampler.h"

namespace quasar {

/// What every set of images can do to a batch; all of it is drawn by (seed, position).
struct AugmentationOptions {
  int crop_padding = 0;     ///< random crop of the image with this many black pixels around it; 0: none
  bool flip = false;        ///< left and right exchanged with probability 1/2
  double label_flip = 0.0;  ///< p: the label becomes one of the others, uniformly, at every visit anew
  double mixup = 0.0;       ///< a of lambda ~ Beta(a, a); 0: none
  std::uint64_t seed = 0;
};

/// The second half of a mixed batch: its loss is lambda CE(labels) + (1 - lambda) CE(partner_labels).
struct MixUp {
  double lambda = 1.0;
  std::vector<std::int64_t> partner_labels;
};

enum class ImageLayout { channels_first, channels_last };  ///< (b, C, H, W) or (b, H, W, C)

/// Batches of one split of a data set: what they hold is a function of (seed, visits) alone.
template <class Real>
class ImageBatches {
 public:
  virtual ~ImageBatches() = default;

  /// Writes b augmented, normalised images and their labels; mixes them if that is asked for and there is a `mix_up`.
  virtual void read(std::span<const Visit> visits, Real* inputs, std::int64_t* labels,
                    MixUp* mix_up = nullptr) const = 0;

  /// Writes images first ... first + count - 1 in file order, not augmented.
  ///
  /// returns  how many were written, one after the other: damaged ones are left out where that is asked for
  [[nodiscard]] virtual std::int64_t read_plain(std::int64_t first, std::int64_t count, Real* inputs,
                                                std::int64_t* labels) const = 0;

  /// Says which visits will be read next, so that they can be prepared meanwhile; never changes what is read.
  virtual void prefetch(std::span<const Visit> /*visits*/) const {}
};

}  // namespace quasar
