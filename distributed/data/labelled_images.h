#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quasar {

/// Images of one size with their classes, in file order.
struct LabelledImages {
  int channels = 0, rows = 0, cols = 0, classes = 0;
  std::int64_t count = 0;
  std::vector<std::uint8_t> pixels;  ///< (count, channels, rows, cols)
  std::vector<std::uint8_t> labels;  ///< (count)
  /// Of pixel / 255 by channel, over the training images: CIFAR-10's published constants, computed for the others.
  std::vector<float> mean, deviation;
  std::string source;  ///< folder, or the name of a procedural set
};

struct LabelledImageSets {
  std::string name;  ///< of the set that was really loaded
  LabelledImages train, test;
};

/// How many images a procedural set makes.
struct ProceduralCounts {
  int train = 6000, test = 2000;
};

/// Both splits of cifar10, fashion_mnist, mnist, procedural (grey, 28x28) or procedural_color (32x32).
///
/// A real set that cannot be had is replaced, with one line on stderr, by the procedural one of its kind.
/// throws  DataError for an unknown name, a root (`data.root`) without the set, or a damaged file
LabelledImageSets load_labelled_images(const std::string& name, const std::string& root = "",
                                       ProceduralCounts counts = {});

/// 64 bits that identify shape, pixels and labels, whatever the folder.
///
///   h <- (h xor w) m, h <- h xor h >> 32      for each 8 bytes w; a change of one w always changes h
///
/// cost  a tenth of a second for 300 MB
std::uint64_t data_hash(const LabelledImages& images);

}  // namespace quasar
