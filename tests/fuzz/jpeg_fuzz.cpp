#include "distributed/data/jpeg.h"

#include "core/errors.h"
#include "tests/distributed/written_photos.h"
#include "tests/fuzz/fuzz.h"

namespace quasar::fuzz {

std::vector<std::string> seeds() { return {written_photo(24, 17, 1, 2), written_photo(8, 8, 2, 1)}; }

void parse(const std::string& input) {
  static JpegDecoder decoder;
  Photo photo;
  try {
    const PhotoSize size = decoder.open({reinterpret_cast<const std::uint8_t*>(input.data()), input.size()});
    const int denominator = 1 << (input.size() % 4);
    decoder.decode(denominator, photo);
    if (photo.size.rows != (size.rows + denominator - 1) / denominator)
      throw std::logic_error("not as tall as declared");
    if (photo.pixels.size() !=
        std::size_t{3} * static_cast<std::size_t>(photo.size.rows) * static_cast<std::size_t>(photo.size.cols))
      throw std::logic_error("not as many pixels as declared");
  } catch (const DamagedPhoto& damage) {
    throw DataError(damage.what());
  }
}

}  // namespace quasar::fuzz
