// Photographs a second of processor time, of an ImageFolder's training split; one line of JSON, like peers.py.
//   quasar_photos FOLDER decode|crop|augment SIZE SECONDS

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "core/errors.h"
#include "distributed/data/image_folder.h"
#include "distributed/data/jpeg.h"
#include "distributed/data/photo_batches.h"

namespace {

using namespace quasar;

/// Calls pass() for as long as told, after a first time that does not count.
template <class Pass>
void measure(std::int64_t photos_of_a_pass, double wanted, const Pass& pass) {
  pass();
  std::int64_t photos = 0;
  double seconds = 0.0;
  for (const std::clock_t start = std::clock(); seconds < wanted;
       seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC) {
    pass();
    photos += photos_of_a_pass;
  }
  std::printf("{\"photos_per_second\": %.1f}\n", static_cast<double>(photos) / seconds);
}

void run(const std::string& folder, const std::string& what, int size, double seconds) {
  const std::shared_ptr<const EncodedPhotoSet> set = open_image_folder(folder, Split::train);
  const std::int64_t count = set->count();
  if (what == "decode") {
    std::vector<std::vector<std::uint8_t>> files(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) set->fetch(i, files[static_cast<std::size_t>(i)]);
    JpegDecoder decoder;
    Photo photo;
    measure(count, seconds, [&] {
      for (const auto& file : files) {
        decoder.open(file);
        decoder.decode(1, photo);
      }
    });
    return;
  }
  const PhotoOptions options{.size = size,
                             .readers = 1,
                             .random_resized_crop = true,
                             .rand_augment = {.layers = what == "augment" ? 2 : 0, .magnitude = 10}};
  const PhotoBatches<float> batches(set, options, {.flip = true, .seed = 1}, ImageLayout::channels_first);
  constexpr std::int64_t kBatch = 32;
  std::vector<float> inputs(static_cast<std::size_t>(kBatch) * 3 * static_cast<std::size_t>(size * size));
  std::vector<std::int64_t> labels(kBatch);
  std::vector<Visit> visits(kBatch);
  std::int64_t position = 0;
  measure(kBatch, seconds, [&] {
    for (Visit& visit : visits) {
      visit = {.sample = position % count, .position = position, .epoch = position / count};
      ++position;
    }
    batches.read(visits, inputs.data(), labels.data());
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return std::fprintf(stderr, "quasar_photos FOLDER decode|crop|augment SIZE SECONDS\n"), 2;
  try {
    run(argv[1], argv[2], std::atoi(argv[3]), std::atof(argv[4]));
  } catch (const Error& error) {
    return std::fprintf(stderr, "%s\n", error.what()), static_cast<int>(error.code());
  }
}
