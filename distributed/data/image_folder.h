#pragma once

#include <filesystem>
#include <memory>

#include "distributed/data/photo_set.h"
#include "distributed/data/split.h"

namespace quasar {

/// One split of an ImageFolder: `root`/train/CLASS/*.jpg or `root`/val/CLASS/*.jpg, in sorted order by class and name.
///
/// Classes are the folders in `root`/train. As torchvision's ImageFolder, but for JPEG files only (.jpg or .jpeg in any case): other images are refused by name,
/// other files left alone, folders within a class not entered. A class of `val` must be one of `train`'s; it may be
/// missing there, but not empty in `train`.
/// cost  one look at every file's size; some 100 bytes of memory a file
/// throws  DataError naming the file or folder
std::unique_ptr<EncodedPhotoSet> open_image_folder(const std::filesystem::path& root, Split split);

}  // namespace quasar
