#include "distributed/data/jpeg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <iterator>

#include "core/random.h"
#include "tests/distributed/photo_vectors.h"

namespace quasar {
namespace {

using Bytes = std::vector<std::uint8_t>;

Photo decode(JpegDecoder& decoder, const Bytes& bytes, int denominator = 1) {
  Photo photo;
  decoder.open(bytes);
  decoder.decode(denominator, photo);
  return photo;
}

std::string error_of(const Bytes& bytes) {
  JpegDecoder decoder;
  try {
    decode(decoder, bytes);
  } catch (const DamagedPhoto& damage) {
    return damage.what();
  }
  return "";
}

Bytes vector_file(const std::string& name) { return bytes_of_base64(photo_vectors().at("jpegs").at(name).at("file")); }

TEST(Jpeg, EveryKindGivesThePixelsOfPillow) {
  JpegDecoder decoder;
  for (const auto& [name, vector] : photo_vectors().at("jpegs").items()) {
    const Photo expected = photo_of(vector), photo = decode(decoder, bytes_of_base64(vector.at("file")));
    EXPECT_EQ(photo.size, expected.size) << name;
    EXPECT_EQ(photo.pixels, expected.pixels) << name;
  }
}

TEST(Jpeg, ScaledDecodingGivesThePixelsOfPillowsDraft) {
  JpegDecoder decoder;
  const auto& vector = photo_vectors().at("scaled");
  for (const int denominator : {1, 2, 4, 8}) {
    const Photo expected = photo_of(vector.at("at").at(std::to_string(denominator)));
    const Photo photo = decode(decoder, bytes_of_base64(vector.at("file")), denominator);
    EXPECT_EQ(photo.size, expected.size);
    EXPECT_EQ(photo.pixels, expected.pixels) << "at 1/" << denominator;
  }
}

TEST(Jpeg, BadFilesAreRefusedSayingWhy) {
  const Bytes good = vector_file("subsampling_420");
  const auto error_with = [&](const auto& change) {
    Bytes bytes = good;
    change(bytes);
    return error_of(bytes);
  };
  EXPECT_EQ(error_of(good), "");
  EXPECT_THAT(error_of({}), testing::HasSubstr("it is empty"));
  EXPECT_THAT(error_of({0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0}), testing::HasSubstr("it is a PNG file"));
  EXPECT_THAT(error_of({'G', 'I', 'F', '8'}), testing::HasSubstr("Not a JPEG file"));
  EXPECT_THAT(error_with([](Bytes& b) { b.resize(b.size() - 30); }), testing::HasSubstr("Premature end of JPEG file"));
  EXPECT_THAT(error_with([](Bytes& b) { b.resize(2); }), testing::Not(testing::IsEmpty()));
  // The frame's header: FF C0, length, 8 bits, rows, cols.
  const Bytes mark = {0xff, 0xc0, 0x00, 0x11, 0x08};
  const auto frame = std::search(good.begin(), good.end(), mark.begin(), mark.end()) - good.begin();
  const auto at = [&](std::ptrdiff_t place) { return static_cast<std::size_t>(frame + place); };
  EXPECT_THAT(error_with([&](Bytes& b) { std::fill_n(b.begin() + frame + 5, 4, 0xff); }),
              testing::HasSubstr("Maximum supported image dimension is 65500 pixels"));
  EXPECT_THAT(error_with([&](Bytes& b) { std::fill_n(b.begin() + frame + 5, 4, 0x20); }),
              testing::HasSubstr("declares 8224x8224 pixels in a file of"));
  EXPECT_THAT(error_with([&](Bytes& b) { std::fill_n(b.begin() + frame + 5, 4, 0x7f); }),
              testing::HasSubstr("declares 32639x32639 pixels in a file of"));
  EXPECT_THAT(error_with([&](Bytes& b) { b[at(5)] = b[at(6)] = 0; }), testing::Not(testing::IsEmpty()));
  EXPECT_THAT(error_with([&](Bytes& b) { b[at(4)] = 12; }), testing::HasSubstr("precision 12"));
}

TEST(Jpeg, ADecoderServesOnAfterADamagedFile) {
  JpegDecoder decoder;
  const Bytes good = vector_file("progressive");
  const Photo expected = decode(decoder, good);
  for (std::size_t kept = 2; kept < good.size() - 2; kept += 7) {
    EXPECT_THROW(decode(decoder, Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(kept))), DamagedPhoto);
    EXPECT_EQ(decode(decoder, good).pixels, expected.pixels);
  }
}

TEST(Jpeg, ManyScansAreRefused) {
  Bytes bytes = vector_file("progressive");
  const Bytes mark = {0xff, 0xda};
  const auto last = std::find_end(bytes.begin(), bytes.end(), mark.begin(), mark.end());
  const Bytes scan(last, bytes.end() - 2);
  for (int i = 0; i < 2 * JpegDecoder::kMostScans; ++i) bytes.insert(bytes.end() - 2, scan.begin(), scan.end());
  EXPECT_NE(error_of(bytes), "");
}

TEST(Jpeg, TenThousandMutationsAreRefusedOrDecode) {
  JpegDecoder decoder;
  int refused = 0, decoded = 0;
  for (const std::string name : {"subsampling_420", "progressive", "cmyk", "grey"}) {
    const Bytes good = vector_file(name);
    for (std::uint64_t trial = 0; trial < 2500; ++trial) {
      const Words random = words({.seed = 5, .use = Use::toy_noise, .replica = 0, .step = trial});
      Bytes bytes = good;
      const auto size = static_cast<std::uint32_t>(good.size());
      bytes[uniform_below(random.w[0], size)] = static_cast<std::uint8_t>(random.w[1]);
      if (trial % 3 == 0)
        bytes[uniform_below(random.w[2], size)] ^= static_cast<std::uint8_t>(1u << (random.w[1] >> 29));
      if (trial % 7 == 0) bytes.resize(uniform_below(random.w[3], size));
      try {
        const Photo photo = decode(decoder, bytes);
        ASSERT_EQ(photo.pixels.size(), std::size_t{3} * static_cast<std::size_t>(photo.size.rows * photo.size.cols));
        ++decoded;
      } catch (const DamagedPhoto&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(decoded, 1000);
}

TEST(Jpeg, TheOddFlowersDecodeOrAreRefusedByName) {
  const std::filesystem::path folder =
      std::filesystem::path(QUASAR_SOURCE_DIR).parent_path() / "shared/data/flowers/odd";
  const char* root = std::getenv("QUASAR_DATA");
  const std::filesystem::path odd = root != nullptr ? std::filesystem::path(root) / "flowers/odd" : folder;
  if (!std::filesystem::is_directory(odd)) GTEST_SKIP() << "no " << odd << " (set QUASAR_DATA)";
  const auto read = [&](const std::string& name) {
    std::ifstream stream(odd / name, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(stream), {});
  };
  for (const std::string name : {"cmyk", "exif_orientation_6", "gray", "progressive", "subsampling_444", "one_pixel"})
    EXPECT_EQ(error_of(read(name + ".jpg")), "") << name;
  JpegDecoder decoder;
  EXPECT_EQ(decode(decoder, read("exif_orientation_6.jpg")).size, (PhotoSize{.rows = 72, .cols = 96})) << "not turned";
  EXPECT_THAT(error_of(read("really_a_png.jpg")), testing::HasSubstr("it is a PNG file"));
  EXPECT_THAT(error_of(read("empty.jpg")), testing::HasSubstr("it is empty"));
  EXPECT_THAT(error_of(read("truncated.jpg")), testing::HasSubstr("Premature end"));
  EXPECT_NE(error_of(read("damaged_middle.jpg")), "");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(error_of(read("header_says_65535x65535.jpg")), testing::HasSubstr("Maximum supported image dimension"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(100));
}

}  // namespace
}  // namespace quasar
