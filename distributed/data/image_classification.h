#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "distributed/data/split.h"

namespace quasar {

/// Grey images with their classes, in file order.
struct ImageSet {
  int rows = 0, cols = 0;
  std::vector<std::uint8_t> pixels;  ///< (count, rows, cols)
  std::vector<std::uint8_t> labels;  ///< (count)
  std::string source;                ///< folder, or "procedural"
};

struct ImageSets {
  ImageSet train, test;
};

/// Reads one split from the four idx files in a folder; throws DataError naming the file.
ImageSet read_image_set(const std::filesystem::path& folder, Split split);

/// The labels' file of one split in a folder of idx files.
std::string label_file_name(Split split);

/// Where images come from: a real set's name and folder, or a procedural set, which needs none.
struct ImageSource {
  std::string name;
  std::filesystem::path folder;
};

/// Looks for cifar10, fashion_mnist or mnist by find_dataset; a set that cannot be had is replaced, with one line on
/// stderr, by procedural_color (for cifar10) or procedural.
///
/// throws  DataError for an unknown name or a root without the set
ImageSource locate_images(const std::string& name, const std::string& root_from_config);

/// Both splits of a grey set; throws DataError for a damaged file.
ImageSets load_image_sets(const ImageSource& source);

/// Images as a regression problem: rows of features and of targets.
struct RegressionSet {
  int count = 0, features = 0, outputs = 0;
  std::vector<double> inputs;   ///< (count, features)
  std::vector<double> targets;  ///< (count, outputs): +1 or -1
  std::vector<int> classes;     ///< (count): index into the list of classes
  std::string source;           ///< of the images
};

/// The first `count` images of the given classes in file order, after leaving out `skip` of them.
///
///   x = (mean of 2x2 pixels / 255 - 0.3) / 4       so that a row has a norm of about 1
///
/// Two classes have one output, +1 for the first and -1 for the second; C > 2 classes have C, +1 for its own.
/// throws  DataError if there are too few images or their sides are odd
RegressionSet make_regression_set(const ImageSet& images, const std::vector<int>& classes, int count, int skip = 0);

}  // namespace quasar
