#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <jpeglib.h>

namespace quasar {

/// A JPEG file of smooth colours that depend on `kind` and `number`.
inline std::string written_photo(int rows, int cols, int kind, int number) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &memory, &size);
  jpeg.image_width = static_cast<unsigned>(cols);
  jpeg.image_height = static_cast<unsigned>(rows);
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  std::vector<unsigned char> row(static_cast<std::size_t>(3 * cols));
  for (int y = 0; y < rows; ++y) {
    for (int x = 0; x < cols; ++x)
      for (int c = 0; c < 3; ++c)
        row[static_cast<std::size_t>(3 * x + c)] = static_cast<unsigned char>(
            128.0 + 100.0 * std::sin(0.1 * (kind + 1) * (c == 0 ? x : y) + 0.7 * number + c));
    JSAMPROW scanline = row.data();
    jpeg_write_scanlines(&jpeg, &scanline, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string file(reinterpret_cast<char*>(memory), size);
  jpeg_destroy_compress(&jpeg);
  std::free(memory);
  return file;
}

inline void write_file(const std::filesystem::path& file, const std::string& bytes) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << bytes;
}

/// An ImageFolder of three classes with `count` photographs each in train and two each in val, of several sizes.
inline void write_image_folder(const std::filesystem::path& root, int count) {
  for (int kind = 0; kind < 3; ++kind)
    for (int number = 0; number < count + 2; ++number) {
      const std::string name = "class " + std::to_string(kind) + "/p" + std::to_string(number) + ".jpg";
      write_file(root / (number < count ? "train" : "val") / name,
                 written_photo(40 + 7 * number % 30, 30 + 11 * number % 50, kind, number));
    }
}

}  // namespace quasar
