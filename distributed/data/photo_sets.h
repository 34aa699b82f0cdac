#pragma once

#include <memory>
#include <string>

#include "distributed/data/photo_pipeline.h"
#include "distributed/data/photo_set.h"
#include "distributed/data/procedural_photos.h"

namespace quasar {

/// Both splits of a set of photographs, and what is made of each.
struct PhotoSets {
  std::string name;  ///< of the set that was really found
  std::shared_ptr<const PhotoSet> train, test;
  PhotoOptions options;
  /// What the readers of this process skipped.
  std::shared_ptr<DamagedSamples> damaged_train = std::make_shared<DamagedSamples>(),
                                  damaged_test = std::make_shared<DamagedSamples>();
};

/// Opens image_folder or webdataset at `root`, imagenet, or procedural_photos.
///
/// imagenet is an ImageFolder at root or root/imagenet; without a root it is looked for in $QUASAR_DATA/imagenet, and
/// where that is not, replaced by procedural_photos, with one line on stderr.
/// throws  DataError for a set that is not there or damaged, ConfigError for a root that is missing
PhotoSets open_photo_sets(const std::string& name, const std::string& root, const PhotoOptions& options,
                          const ProceduralPhotoCounts& counts);

}  // namespace quasar
