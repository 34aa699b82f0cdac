#include "distributed/data/image_data.h"

#include "distributed/data/batch_reader.h"
#include "distributed/data/photo_batches.h"

namespace quasar {
namespace {

using InMemory = std::shared_ptr<const LabelledImageSets>;

const InMemory* in_memory(const ImageData& data) { return std::get_if<InMemory>(&data); }
const PhotoSets& photos(const ImageData& data) { return *std::get<std::shared_ptr<const PhotoSets>>(data); }

}  // namespace

ImageShape shape_of(const ImageData& data) {
  if (const InMemory* sets = in_memory(data)) {
    const LabelledImages& train = (*sets)->train;
    return {.channels = train.channels, .rows = train.rows, .cols = train.cols, .classes = train.classes};
  }
  const int size = photos(data).options.size;
  return {.channels = 3, .rows = size, .cols = size, .classes = photos(data).train->classes()};
}

std::int64_t samples_of(const ImageData& data, Split split) {
  if (const InMemory* sets = in_memory(data)) return split == Split::train ? (*sets)->train.count : (*sets)->test.count;
  return split == Split::train ? photos(data).train->count() : photos(data).test->count();
}

std::string source_of(const ImageData& data) {
  const InMemory* sets = in_memory(data);
  return sets != nullptr ? (*sets)->train.source : photos(data).train->source();
}

std::uint64_t identity_of(const ImageData& data) {
  if (const InMemory* sets = in_memory(data)) return data_hash((*sets)->train);
  return photos(data).train->identity();
}

const DamagedSamples* damaged_in(const ImageData& data, Split split) {
  if (in_memory(data) != nullptr || photos(data).options.on_damaged == OnDamaged::stop) return nullptr;
  return split == Split::train ? photos(data).damaged_train.get() : photos(data).damaged_test.get();
}

template <class Real>
std::unique_ptr<ImageBatches<Real>> make_batches(const ImageData& data, Split split,
                                                 const AugmentationOptions& augmentation, ImageLayout layout) {
  if (const InMemory* sets = in_memory(data))
    return std::make_unique<BatchReader<Real>>(split == Split::train ? (*sets)->train : (*sets)->test, augmentation,
                                               layout);
  const PhotoSets& sets = photos(data);
  const bool train = split == Split::train;
  return std::make_unique<PhotoBatches<Real>>(train ? sets.train : sets.test, sets.options, augmentation, layout,
                                              train ? sets.damaged_train : sets.damaged_test);
}

template std::unique_ptr<ImageBatches<float>> make_batches(const ImageData&, Split, const AugmentationOptions&,
                                                           ImageLayout);
template std::unique_ptr<ImageBatches<double>> make_batches(const ImageData&, Split, const AugmentationOptions&,
                                                            ImageLayout);

}  // namespace quasar
