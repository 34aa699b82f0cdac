#include "distributed/data/batch_mixing.h"

#include <iterator>
#include <string>

#include <boost/math/distributions/beta.hpp>

#include "core/errors.h"
#include "core/random.h"

namespace quasar {
namespace {

Draw draw_of(const AugmentationOptions& options, Use use, std::int64_t position) {
  return {.seed = options.seed, .use = use, .replica = 0, .step = static_cast<std::uint64_t>(position)};
}

/// lambda ~ Beta(a, a) by inversion, so that it takes exactly one draw.
double mixing_weight(const AugmentationOptions& options, std::int64_t position) {
  const Words random = words(draw_of(options, Use::mixup, position));
  return boost::math::quantile(boost::math::beta_distribution<double>(options.mixup, options.mixup),
                               unit_interval(random.w[0], random.w[1]));
}

}  // namespace

bool is_flipped(const AugmentationOptions& options, std::int64_t position) {
  return options.flip && (words(draw_of(options, Use::augmentation, position)).w[2] >> 31) == 1;
}

std::int64_t flipped_label(const AugmentationOptions& options, int classes, std::int64_t label, std::int64_t position) {
  if (options.label_flip == 0.0) return label;
  const Words random = words(draw_of(options, Use::label_flip, position));
  if (unit_interval(random.w[0], random.w[1]) >= options.label_flip) return label;
  const std::int64_t other = 1 + uniform_below(random.w[2], static_cast<std::uint32_t>(classes - 1));
  return (label + other) % classes;
}

template <class Real>
void mix(const AugmentationOptions& options, std::span<const Visit> visits, std::int64_t image_size, Real* inputs,
         const std::int64_t* labels, MixUp& mix_up) {
  const std::size_t count = visits.size();
  mix_up.lambda = mixing_weight(options, visits.front().position);
  mix_up.partner_labels.assign(std::make_reverse_iterator(labels + count), std::make_reverse_iterator(labels));
  const auto own = static_cast<Real>(mix_up.lambda), others = static_cast<Real>(1.0 - mix_up.lambda);
  for (std::size_t i = 0; i < count / 2; ++i) {
    Real* one = inputs + static_cast<std::int64_t>(i) * image_size;
    Real* other = inputs + static_cast<std::int64_t>(count - 1 - i) * image_size;
    for (std::int64_t j = 0; j < image_size; ++j) {
      const Real a = one[j], b = other[j];
      one[j] = own * a + others * b;
      other[j] = own * b + others * a;
    }
  }
}

template void mix(const AugmentationOptions&, std::span<const Visit>, std::int64_t, float*, const std::int64_t*,
                  MixUp&);
template void mix(const AugmentationOptions&, std::span<const Visit>, std::int64_t, double*, const std::int64_t*,
                  MixUp&);

void check_mixing(const AugmentationOptions& options, int classes) {
  if (!(options.label_flip >= 0.0 && options.label_flip <= 1.0) || (options.label_flip > 0.0 && classes < 2))
    throw ConfigError("data.label_flip = " + std::to_string(options.label_flip) +
                      ": must be a probability, and 0 for a set of one class");
  if (!(options.mixup >= 0.0)) throw ConfigError("data.mixup = " + std::to_string(options.mixup) + ": must be >= 0");
}

}  // namespace quasar
