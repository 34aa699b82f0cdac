#include "distributed/data/photo_set.h"

#include "distributed/data/jpeg.h"

namespace quasar {
namespace {

class JpegReader final : public PhotoReader {
 public:
  explicit JpegReader(const EncodedPhotoSet& set) : set_(set) {}

  PhotoSize open(std::int64_t sample) override {
    set_.fetch(sample, bytes_);
    return decoder_.open(bytes_);
  }

  void decode(int denominator, Photo& photo) override { decoder_.decode(denominator, photo); }

 private:
  const EncodedPhotoSet& set_;
  JpegDecoder decoder_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

std::unique_ptr<PhotoReader> EncodedPhotoSet::make_reader() const { return std::make_unique<JpegReader>(*this); }

}  // namespace quasar
