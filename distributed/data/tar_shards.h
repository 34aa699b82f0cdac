#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "distributed/data/photo_set.h"
#include "distributed/data/split.h"

namespace quasar {

/// A sample of a tar file: KEY.jpg (or .jpeg) with the number of its class in KEY.cls.
struct TarSample {
  std::string key;
  std::int64_t offset = 0, bytes = 0;  ///< of the JPEG file within the tar file
  int label = 0;
};

/// What a tar file holds, in its order; libarchive reads the headers, nothing is unpacked.
///
/// A sample's members stand next to each other, in any order; members with other endings are left alone.
/// throws  DataError naming file, byte and member for links, devices, sparse members, absolute names, `..`, damaged
///         headers, members that are longer than the file or EncodedPhotoSet::kMostBytes, samples that lack a member or
///         have it twice, and archives that are cut, even between two members
std::vector<TarSample> index_tar(const std::filesystem::path& file);

/// One split of a set of WebDataset shards: the files `root`/train/*.tar or `root`/val/*.tar in sorted order.
///
/// All shards are indexed at the start; samples are read by their offset. Where the folder has an index.json
///
///   {"shards": [{"name": "000.tar", "bytes": 102400, "samples": 17, "sha256": "..."}, ...]}
///
/// the shards must be exactly these, with these sizes and, where it is given, this checksum.
/// cost  one seek a member, and one reading of everything that has a checksum; some 100 bytes of memory a sample
/// throws  DataError
std::unique_ptr<EncodedPhotoSet> open_tar_shards(const std::filesystem::path& root, Split split);

}  // namespace quasar
