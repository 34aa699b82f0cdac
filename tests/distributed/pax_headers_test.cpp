// Headers of a tar file that speak of other headers (pax records, GNU's long names), made by hand to do harm.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>

#include "core/errors.h"
#include "distributed/data/tar_shards.h"
#include "tests/distributed/tar_corpus.h"
#include "tests/distributed/temporary_folder.h"
#include "tests/peak_memory.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::size_t kBlock = 512;

std::string octal(std::size_t size) {
  char text[12];
  std::snprintf(text, sizeof text, "%011zo", size);
  return text;
}

/// A ustar header of this type (x, g: pax; L, K: GNU's long name and link; 0: a file), its 12 bytes of size as given.
std::string header(char type, std::string size, const std::string& name = "h.jpg") {
  std::string block(kBlock, '\0');
  size.resize(12, '\0');
  block.replace(0, name.size(), name).replace(100, 7, "0000644").replace(124, 12, size).replace(148, 8, 8, ' ');
  block[156] = type;
  block.replace(257, 8, std::string("ustar\0", 6) + "00");
  unsigned sum = 0;
  for (const char byte : block) sum += static_cast<std::uint8_t>(byte);
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum);
  return block.replace(148, 7, text, 7);
}

std::string in_blocks(std::string body) {
  body.resize((body.size() + kBlock - 1) / kBlock * kBlock, '\0');
  return body;
}

/// A header with its body, as it should be.
std::string special(char type, const std::string& body) { return header(type, octal(body.size())) + in_blocks(body); }

/// LENGTH KEY=VALUE and a line's end, LENGTH being that of the whole record.
std::string record(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

/// Archives of a sound sample, the headers of a test, and another sample.
class PaxHeaders : public testing::Test {
 protected:
  static constexpr std::size_t kPlace = 4 * kBlock;  // of what the test puts there

  PaxHeaders() {
    write_tar(file_, {{.name = "k.jpg", .bytes = "photograph"}, {.name = "k.cls", .bytes = "3"}});
    std::ifstream stream(file_, std::ios::binary);
    first_.assign(std::istreambuf_iterator<char>(stream), {});
    first_.resize(kPlace);
  }

  /// The message about the archive, or empty; `file_size` makes it longer, by zeros that take no room.
  std::string error_with(const std::string& headers, std::uintmax_t file_size = 0) const {
    const std::string second = special('0', "x") + header('0', octal(1), "h.cls") + in_blocks("1");
    std::ofstream(file_, std::ios::binary) << first_ << headers << second << std::string(2 * kBlock, '\0');
    if (file_size > 0) fs::resize_file(file_, file_size);
    try {
      EXPECT_EQ(index_tar(file_).size(), 2u);
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  }
  static auto is_refused(const std::string& why, std::size_t at = kPlace) {
    return AllOf(HasSubstr("a.tar: at byte " + std::to_string(at) + ": "), HasSubstr(why));
  }

 private:
  TemporaryFolder folder_;
  const fs::path file_ = folder_.path() / "a.tar";
  std::string first_;
};

TEST_F(PaxHeaders, WhatIsSoundIsRead) {
  EXPECT_EQ(error_with(""), "");
  EXPECT_EQ(error_with(special('x', record("mtime", "1.5") + record("comment", std::string(1000, 'y')))), "");
  EXPECT_EQ(error_with(special('g', record("comment", "y")) + special('x', record("size", "1"))), "");
  EXPECT_EQ(error_with(special('L', "h.jpg")), "");
}

TEST_F(PaxHeaders, ASizeThatIsAbsurdIsRefusedAndTakesNoMemory) {  // I5, I6
  const std::string beyond_64_bits = "\x80\x01" + std::string(10, '\xff'), negative(12, '\xff');
  const std::string exabytes = std::string("\x80\0\0\0\x40", 5) + std::string(7, '\0');
  constexpr std::size_t kGibibyte = std::size_t{1} << 30;
  for (const char type : {'x', 'g', 'L', 'K'}) {
    SCOPED_TRACE(type);
    for (const std::string& size : {std::string("77777777777"), beyond_64_bits, exabytes, negative})
      EXPECT_THAT(error_with(header(type, size)), is_refused("is no tar file ("));
    EXPECT_THAT(error_with(header(type, octal(4 * kGibibyte)), 6 * kGibibyte), is_refused("is no tar file ("));
  }
  EXPECT_LT(most_memory_so_far(), 256 << 20) << "the largest declared size, which the file has, was believed";
}

TEST_F(PaxHeaders, HeadersWithoutEndAreRefused) {  // I5
  for (const char type : {'x', 'g', 'L', 'K'}) {
    std::string headers;
    for (int i = 0; i < 2000; ++i) headers += special(type, type < 'a' ? "h.jpg" : record("path", "h.jpg"));
    EXPECT_THAT(error_with(headers), is_refused("")) << type;
  }
}

TEST_F(PaxHeaders, RecordsThatAreDamagedAreNotPassedOver) {  // I3
  for (const std::string records : {"0 path=x\n", "-5 path=x\n", "1000000000 path=x\n", "99999999999999999999 path=x\n",
                                    "path=x\n", "10 pathxx\n\n", "18 path=x\n", "8 path=x\n"})
    EXPECT_THAT(error_with(special('x', records)), is_refused("is no tar file (")) << records;
  EXPECT_THAT(error_with(special('x', std::string(400, '9'))), is_refused("is no tar file ("));
}

TEST_F(PaxHeaders, ASizeInARecordIsComparedWithTheFile) {
  for (const std::string size : {"9223372036854775807", "999999999999999999999999999999", "-1"})
    EXPECT_THAT(error_with(special('x', record("size", size))), is_refused("is no tar file (")) << size;
  EXPECT_THAT(error_with(special('x', record("size", "1073741824"))),
              is_refused("h.jpg: has 1073741824 bytes; a member has at most"));
  EXPECT_THAT(error_with(special('x', record("size", "100000"))),
              is_refused("h.jpg: has 100000 bytes, more than the file has left"));
  EXPECT_THAT(error_with(special('x', record("size", "600"))), is_refused("is no tar file (", kPlace + 5 * kBlock));
}

}  // namespace
}  // namespace quasar
