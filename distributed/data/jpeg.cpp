#include "distributed/data/jpeg.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <string>

#include <jpeglib.h>

#include <jerror.h>

namespace quasar {
namespace {

/// As c (255 - k) / 255 with rounding, the way Pillow divides.
int product_of_shares(int a, int b) {
  const int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/// Four inverted shares of ink become three of light.
void light_of_ink(const std::uint8_t* ink, int count, std::uint8_t* light) {
  for (int i = 0; i < count; ++i, ink += 4, light += 3) {
    const int paper = ink[3];
    for (int channel = 0; channel < 3; ++channel)
      light[channel] =
          static_cast<std::uint8_t>(std::clamp(paper - product_of_shares(255 - ink[channel], paper), 0, 255));
  }
}

bool is_harmless(int warning) {
  return warning == JWRN_JFIF_MAJOR || warning == JWRN_ADOBE_XFORM || warning == JWRN_EXTRANEOUS_DATA;
}

bool is_png(std::span<const std::uint8_t> bytes) {
  static constexpr std::array<std::uint8_t, 8> kMark = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  return bytes.size() >= kMark.size() && std::equal(kMark.begin(), kMark.end(), bytes.begin());
}

}  // namespace

/// libjpeg calls back into C functions and leaves them by longjmp: nothing between has a destructor.
struct JpegDecoder::State {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf escape{};
  char message[JMSG_LENGTH_MAX] = {};
  std::vector<std::uint8_t> ink;

  static State& of(j_common_ptr jpeg) { return *static_cast<State*>(jpeg->client_data); }

  [[noreturn]] static void stop(j_common_ptr jpeg) {
    jpeg->err->format_message(jpeg, of(jpeg).message);
    std::longjmp(of(jpeg).escape, 1);
  }

  static void warn(j_common_ptr jpeg, int level) {
    if (level < 0 && !is_harmless(jpeg->err->msg_code)) stop(jpeg);
  }

  static void limit_scans(j_common_ptr jpeg) {
    if (!jpeg->is_decompressor || reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number <= kMostScans) return;
    std::snprintf(of(jpeg).message, JMSG_LENGTH_MAX, "it has more than %d scans", kMostScans);
    std::longjmp(of(jpeg).escape, 1);
  }

  /// Runs calls of libjpeg; an error in them ends the file, not the process.
  template <class Calls>
  void guard(Calls calls) {
    if (setjmp(escape) != 0) {
      jpeg_abort_decompress(&jpeg);
      throw DamagedPhoto(message);
    }
    calls();
  }
};

JpegDecoder::JpegDecoder() : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.jpeg.err = jpeg_std_error(&s.errors);
  s.errors.error_exit = State::stop;
  s.errors.emit_message = State::warn;
  s.jpeg.client_data = &s;
  s.progress.progress_monitor = State::limit_scans;
  jpeg_create_decompress(&s.jpeg);
  s.jpeg.progress = &s.progress;
}

JpegDecoder::~JpegDecoder() { jpeg_destroy_decompress(&state_->jpeg); }

PhotoSize JpegDecoder::open(std::span<const std::uint8_t> bytes) {
  State& s = *state_;
  jpeg_abort_decompress(&s.jpeg);
  if (bytes.empty()) throw DamagedPhoto("it is empty");
  if (is_png(bytes)) throw DamagedPhoto("it is a PNG file, not a JPEG file, whatever its name; convert it");
  s.guard([&] {
    jpeg_mem_src(&s.jpeg, bytes.data(), bytes.size());
    jpeg_read_header(&s.jpeg, TRUE);
  });
  const auto pixels = static_cast<std::int64_t>(s.jpeg.image_width) * s.jpeg.image_height;
  if (pixels > kMostPixels || pixels > static_cast<std::int64_t>(bytes.size()) * kMostPixelsOfAByte) {
    jpeg_abort_decompress(&s.jpeg);
    throw DamagedPhoto("its header declares " + std::to_string(s.jpeg.image_width) + "x" +
                       std::to_string(s.jpeg.image_height) + " pixels in a file of " + std::to_string(bytes.size()) +
                       " bytes");
  }
  return {.rows = static_cast<int>(s.jpeg.image_height), .cols = static_cast<int>(s.jpeg.image_width)};
}

void JpegDecoder::decode(int denominator, Photo& photo) {
  State& s = *state_;
  jpeg_decompress_struct& jpeg = s.jpeg;
  const bool inks = jpeg.jpeg_color_space == JCS_CMYK || jpeg.jpeg_color_space == JCS_YCCK;
  jpeg.scale_num = 1;
  jpeg.scale_denom = static_cast<unsigned>(denominator);
  jpeg.out_color_space = inks ? JCS_CMYK : JCS_RGB;
  s.guard([&] { jpeg_calc_output_dimensions(&jpeg); });
  photo.resize({.rows = static_cast<int>(jpeg.output_height), .cols = static_cast<int>(jpeg.output_width)});
  if (inks) s.ink.resize(std::size_t{4} * jpeg.output_width);
  s.guard([&] {
    jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
      std::uint8_t* row = photo.row(static_cast<int>(jpeg.output_scanline));
      JSAMPROW target = inks ? s.ink.data() : row;
      jpeg_read_scanlines(&jpeg, &target, 1);
      if (inks) light_of_ink(target, photo.size.cols, row);
    }
    jpeg_finish_decompress(&jpeg);
  });
}

}  // namespace quasar
