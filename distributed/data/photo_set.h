#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "distributed/data/photo.h"

namespace quasar {

/// One thread's way to the photographs of a set.
class PhotoReader {
 public:
  virtual ~PhotoReader() = default;

  /// Makes a photograph the present one.
  ///
  /// throws  DamagedPhoto if its bytes are no image, DataError if they cannot be read at all
  virtual PhotoSize open(std::int64_t sample) = 0;

  /// The present one with 1/denominator (1, 2, 4 or 8) of its rows and columns, rounded up; throws DamagedPhoto.
  virtual void decode(int denominator, Photo& photo) = 0;
};

/// One split of a set of photographs with their classes; threads may share it.
class PhotoSet {
 public:
  virtual ~PhotoSet() = default;

  virtual std::int64_t count() const = 0;
  virtual int classes() const = 0;
  virtual int label(std::int64_t sample) const = 0;
  /// Where a sample lies, for messages: its file, or shard, byte and member.
  virtual std::string place(std::int64_t sample) const = 0;
  virtual std::string source() const = 0;

  /// 64 bits that identify names, sizes in bytes and labels of all samples; the pixels are not read.
  virtual std::uint64_t identity() const = 0;

  /// The set must outlive it.
  virtual std::unique_ptr<PhotoReader> make_reader() const = 0;
};

/// A set whose samples are JPEG files, wherever their bytes lie.
class EncodedPhotoSet : public PhotoSet {
 public:
  static constexpr std::int64_t kMostBytes = std::int64_t{1} << 26;  ///< of one file

  std::unique_ptr<PhotoReader> make_reader() const final;

  /// Replaces `bytes` by a sample's file; throws DataError naming place() if it cannot be read whole.
  virtual void fetch(std::int64_t sample, std::vector<std::uint8_t>& bytes) const = 0;
};

}  // namespace quasar
