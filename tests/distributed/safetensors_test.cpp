#include "distributed/checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "core/errors.h"
#include "distributed/checkpoint/safetensors_header.h"
#include "distributed/checkpoint/sha256.h"
#include "tests/distributed/checkpoint_for_tests.h"

namespace quasar {
namespace {

using testing::HasSubstr;

std::string with_length(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string text(8, '\0');
  std::memcpy(text.data(), &length, 8);
  return text + header + data;
}

std::string length_only(std::uint64_t length, const std::string& rest) {
  std::string text(8, '\0');
  std::memcpy(text.data(), &length, 8);
  return text + rest;
}

/// A header of one tensor `w`.
std::string one(const std::string& type, const std::string& shape, const std::string& offsets) {
  return R"({"w":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

/// A header of two tensors of one F32 each, with these offsets.
std::string two(const std::string& first, const std::string& second) {
  return R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + first +
         R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + second + "}}";
}

class Safetensors : public testing::Test {
 protected:
  SafetensorsFile load(const std::string& bytes) const {
    write_text(file(), bytes);
    return SafetensorsFile::read(file());
  }
  std::filesystem::path file() const { return folder_.path() / "some.safetensors"; }

  MemoryFolder folder_;
};

TEST_F(Safetensors, WhatIsWrittenIsReadBack) {
  const std::vector<float> weights = {1.5f, -0.0f, 3e-39f};
  const std::vector<std::int64_t> steps = {-7};
  const FileRecord record =
      write_safetensors(real_file_system(), file(),
                        std::vector<NamedTensor>{{"flag", "U8", {0}, {}},
                                                 {"weights", "F32", {3, 1}, std::as_bytes(std::span(weights))},
                                                 {"step", "I64", {}, std::as_bytes(std::span(steps))}},
                        {{"rank", "0"}});
  EXPECT_EQ(record.bytes, static_cast<std::int64_t>(std::filesystem::file_size(file())));
  EXPECT_EQ(record.sha256, sha256_of_file(file()));
  const SafetensorsFile read = SafetensorsFile::read(file(), record);
  EXPECT_EQ(read.metadata(), (std::map<std::string, std::string>{{"rank", "0"}}));
  ASSERT_NE(read.find("weights"), nullptr);
  EXPECT_EQ(read.find("weights")->shape, (std::vector<std::int64_t>{3, 1}));
  EXPECT_EQ(std::memcmp(read.find("weights")->bytes.data(), weights.data(), 12), 0);
  EXPECT_EQ(std::memcmp(read.find("step")->bytes.data(), steps.data(), 8), 0);
  EXPECT_TRUE(read.find("flag")->bytes.empty());
  EXPECT_EQ(read.find("nothing"), nullptr);
}

TEST_F(Safetensors, BytesAreTheFormatsOwn) {
  // As the reference implementation lays it out: length, JSON padded with spaces to 8, then the numbers.
  const std::vector<std::uint8_t> bytes = {7, 9};
  write_safetensors(real_file_system(), file(),
                    std::vector<NamedTensor>{{"w", "U8", {2}, std::as_bytes(std::span(bytes))}});
  const std::string header = R"({"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
  EXPECT_EQ(read_text(file()), with_length(header + std::string((8 - header.size() % 8) % 8, ' '), "\x07\x09"));
}

TEST_F(Safetensors, Sha256IsTheStandards) {
  // FIPS 180-4 examples
  EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_F(Safetensors, SavingWhatWasLoadedGivesTheSameBytes) {
  std::mt19937_64 draw(20);
  const std::vector<std::string> types = {"F64", "F32", "BF16", "U8", "I64", "BOOL", "F16", "I32"};
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<std::vector<std::byte>> storage;
    std::vector<NamedTensor> tensors;
    for (std::size_t i = 0, count = draw() % 6; i < count; ++i) {
      const std::string type = types[draw() % types.size()];
      std::vector<std::int64_t> shape;
      std::int64_t numbers = 1;
      for (std::size_t d = 0, dimensions = draw() % 4; d < dimensions; ++d) {
        shape.push_back(static_cast<std::int64_t>(draw() % 5));
        numbers *= shape.back();
      }
      auto& bytes = storage.emplace_back(static_cast<std::size_t>(numbers * safetensors_type_size(type)));
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(draw());
      tensors.push_back({"täns\"or " + std::to_string(i), type, shape, {}});
    }
    for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].bytes = storage[i];
    const auto again = folder_.path() / "again.safetensors";
    const FileRecord first = write_safetensors(real_file_system(), file(), tensors, {{"trial", std::to_string(trial)}});
    const SafetensorsFile loaded = SafetensorsFile::read(file(), first);
    const FileRecord second = write_safetensors(real_file_system(), again, loaded.tensors(), loaded.metadata());
    EXPECT_EQ(first.sha256, second.sha256);
    for (const NamedTensor& tensor : loaded.tensors()) {
      const auto size = static_cast<std::size_t>(safetensors_type_size(tensor.type));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % size, 0u) << tensor.name << " is misaligned";
    }
    for (const auto& path : {file(), again}) std::filesystem::remove(path);
  }
}

TEST_F(Safetensors, TensorsThatTheFormatCannotHoldAreRefused) {
  const std::vector<std::byte> four(4);
  const auto refused = [&](std::vector<NamedTensor> tensors, const std::string& says) {
    try {
      write_safetensors(real_file_system(), file(), tensors);
      ADD_FAILURE() << "written, instead of: " << says;
    } catch (const CheckpointError& error) {
      EXPECT_THAT(error.what(), HasSubstr(says));
    }
    EXPECT_FALSE(std::filesystem::exists(file()));
  };
  refused({{"w", "F31", {1}, four}}, "unknown type 'F31'");
  refused({{"w", "F32", {2}, four}}, "has 4 bytes, its shape needs 8");
  refused({{"w", "F32", {1}, four}, {"w", "F32", {1}, four}}, "under one name");
  refused({{"__metadata__", "F32", {1}, four}}, "under one name");
  refused({{"\xff", "F32", {1}, four}}, "cannot be saved");
}

TEST_F(Safetensors, OffsetsMayBeInAnyOrderOfTheHeader) {
  const SafetensorsFile read = load(with_length(two("[4,8]", "[0,4]"), "BBBBAAAA"));
  EXPECT_EQ(read.tensors().front().name, "b");
  EXPECT_EQ(static_cast<char>(read.find("a")->bytes[0]), 'A');
}

TEST_F(Safetensors, EachKindOfDamageIsRefusedWithItsOwnMessage) {
  struct Case {
    std::string bytes, says;
  };
  const std::string big = "18446744073709551615", half = "4611686018427387904";
  const auto header = [](const std::string& text, const std::string& says) {
    return Case{with_length(text, ""), says};
  };
  const auto data = [](const std::string& text, std::size_t bytes, const std::string& says) {
    return Case{with_length(text, std::string(bytes, 'x')), says};
  };
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "[";
  std::string dimensions = "[1";
  for (int i = 0; i < 64; ++i) dimensions += ",1";
  const std::vector<Case> cases = {
      // the length of the header
      {"", "has 0 bytes, too few"},
      {"1234567", "has 7 bytes, too few"},
      {length_only(0, ""), "does not begin with '{'"},
      {length_only(3, "{}"), "declares a header of 3 bytes in a file of 10"},
      {length_only(100'000'001, "{}"), "more than 100 MB"},
      {length_only(100'000'000, "{}"), "declares a header of 100000000 bytes in a file of 10"},
      {length_only(~std::uint64_t{0}, "{}"), "more than 100 MB"},
      {length_only(std::uint64_t{1} << 63, "{}"), "more than 100 MB"},
      {length_only(~std::uint64_t{0} - 7, "{}"), "more than 100 MB"},
      // JSON
      header(" {}", "does not begin with '{'"),
      header("[]", "does not begin with '{'"),
      header("\xEF\xBB\xBF{}", "does not begin with '{'"),
      header("{", "is not JSON"),
      header("{}}", "is not JSON"),
      header("{} x", "is not JSON"),
      header(std::string("{}\0", 3), "holds a zero byte"),
      header("{'w':1}", "is not JSON"),
      header("{\"\xff\":{}}", "is not JSON"),
      header("{\"\xC0\x80\":{}}", "is not JSON"),
      header("{\"\\ud800\":{}}", "is not JSON"),
      header("{\"__metadata__\":{},}", "is not JSON"),
      header("{/*comment*/}", "is not JSON"),
      header("{\"w\":NaN}", "is not JSON"),
      header("{\"w\":" + deep, "unexpected an array at 'w'"),
      // what may stand where
      header(R"({"w":1})", "unexpected the number 1 at 'w'"),
      header(R"({"w":null})", "unexpected null"),
      header(R"({"w":"text"})", "unexpected the text 'text'"),
      header(R"({"w":[]})", "unexpected an array"),
      header(R"({"w":true})", "unexpected a boolean"),
      header(R"({"w":{"dtype":4}})", "tensor 'w': unexpected the number 4 at 'dtype'"),
      header(R"({"w":{"dtype":{}}})", "tensor 'w': unexpected an object at 'dtype'"),
      header(R"({"w":{"shape":4}})", "tensor 'w': unexpected the number 4 at 'shape'"),
      header(R"({"w":{"shape":[[1]]}})", "tensor 'w': unexpected an array at 'shape'"),
      header(R"({"w":{"shape":["1"]}})", "tensor 'w': unexpected the text '1'"),
      header(R"({"w":{"data_offsets":{}}})", "tensor 'w': unexpected an object at 'data_offsets'"),
      header(R"({"__metadata__":{"a":1}})", "__metadata__: unexpected the number 1 at 'a'"),
      header(R"({"__metadata__":{"a":{}}})", "__metadata__: unexpected an object at 'a'"),
      header(R"({"__metadata__":"a"})", "unexpected the text 'a' at '__metadata__'"),
      // keys
      header(R"({"w":{}})", "tensor 'w': has no dtype"),
      header(R"({"w":{"dtype":"F32","data_offsets":[0,0]}})", "tensor 'w': has no shape"),
      header(R"({"w":{"dtype":"F32","shape":[0]}})", "tensor 'w': has no data_offsets"),
      header(R"({"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":1}})", "tensor 'w': has the unknown key 'x'"),
      header(R"({"w":{"dtype":"F32","dtype":"F64"}})", "tensor 'w': the key 'dtype' is there twice"),
      header(R"({"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"w":{}})", "the key 'w' is there twice"),
      header(R"({"__metadata__":{},"__metadata__":{}})", "the key '__metadata__' is there twice"),
      header(R"({"__metadata__":{"a":"1","a":"2"}})", "__metadata__: the key 'a' is there twice"),
      // types and shapes
      data(one("F33", "[1]", "[0,4]"), 4, "tensor 'w': has the unknown type 'F33'"),
      data(one("f32", "[1]", "[0,4]"), 4, "tensor 'w': has the unknown type 'f32'"),
      data(one("", "[1]", "[0,4]"), 4, "tensor 'w': has the unknown type ''"),
      data(one("F32", "[-1]", "[0,4]"), 4, "tensor 'w': unexpected the negative number -1"),
      data(one("F32", "[1.0]", "[0,4]"), 4, "tensor 'w': unexpected the number 1.0"),
      data(one("F32", "[1e0]", "[0,4]"), 4, "tensor 'w': unexpected the number 1e0"),
      data(one("F32", "[" + big + "]", "[0,4]"), 4, "tensor 'w': the size 18446744073709551615 is out of range"),
      data(one("F32", "[" + big + "0]", "[0,4]"), 4, "tensor 'w': unexpected the number " + big + "0"),
      data(one("F32", "[" + half + ",4]", "[0,4]"), 4, "tensor 'w': its shape has too many numbers"),
      data(one("F32", "[" + half + "]", "[0,0]"), 0, "tensor 'w': its shape has too many numbers"),
      data(one("U8", "[4294967296,4294967296]", "[0,0]"), 0, "tensor 'w': its shape has too many numbers"),
      data(one("F32", dimensions, "[0,4]"), 4, "tensor 'w': has more than 64 dimensions"),
      data(one("F32", "[2]", "[0,4]"), 4, "tensor 'w': its shape needs 8 bytes, its offsets span 4"),
      data(one("F32", "[]", "[0,8]"), 8, "tensor 'w': its shape needs 4 bytes, its offsets span 8"),
      data(one("F32", "[0]", "[0,4]"), 4, "tensor 'w': its shape needs 0 bytes, its offsets span 4"),
      // offsets
      data(one("F32", "[1]", "[0]"), 4, "tensor 'w': data_offsets has fewer than two numbers"),
      data(one("F32", "[1]", "[0,4,8]"), 4, "tensor 'w': data_offsets has more than two numbers"),
      data(one("F32", "[1]", "[-4,0]"), 4, "tensor 'w': unexpected the negative number -4"),
      data(one("F32", "[1]", "[4,0]"), 4, "tensor 'w': begins at byte 4 and ends before, at 0"),
      data(one("F32", "[1]", "[0,4]"), 3, "tensor 'w': ends at byte 4 of data that has 3"),
      data(one("F32", "[1]", "[0,4]"), 0, "tensor 'w': ends at byte 4 of data that has 0"),
      data(
          one("F32", "[" + half.substr(0, 18) + "]", "[0," + std::to_string(std::stoull(half.substr(0, 18)) * 4) + "]"),
          4, "tensor 'w': ends at byte 1844674407370955160 of data that has 4"),
      data(one("F32", "[1]", "[" + big + "," + big + "]"), 4, "tensor 'w': ends at byte 18446744073709551615"),
      data(one("F32", "[1]", "[4,8]"), 8, "tensor 'w': begins at byte 4, leaving a hole"),
      data(two("[0,4]", "[8,12]"), 12, "tensor 'b': begins at byte 8, leaving a hole"),
      data(two("[0,4]", "[2,6]"), 6, "tensor 'b': begins at byte 2, inside the one before it"),
      data(two("[0,4]", "[0,4]"), 4, "tensor 'b': begins at byte 0, inside the one before it"),
      data(one("F32", "[1]", "[0,4]"), 5, "1 bytes lie behind the last tensor"),
      data("{}", 1, "1 bytes lie behind the last tensor"),
  };
  EXPECT_GE(cases.size(), 60u);
  for (const Case& bad : cases) {
    try {
      load(bad.bytes);
      ADD_FAILURE() << "read, instead of: " << bad.says;
    } catch (const CheckpointError& error) {
      EXPECT_THAT(error.what(), HasSubstr(bad.says)) << bad.bytes.substr(0, 200);
      EXPECT_THAT(error.what(), HasSubstr(file().string()));
    }
  }
}

/// A pickle that would create a file, of this protocol.
std::string pickle_creating(const std::string& path, char protocol) {
  const std::string command = "touch " + path;
  std::string size(4, '\0');
  size[0] = static_cast<char>(command.size());
  std::string body = "cposix\nsystem\nX" + size + command + "\x85R.";
  if (protocol >= 4) body = length_only(body.size(), body).insert(0, "\x95");  // a frame
  return std::string("\x80") + protocol + body;
}

TEST_F(Safetensors, APickleIsNamedAndNeverRun) {  // I8
  const std::filesystem::path ran = folder_.path() / "ran";
  std::vector<std::string> pickles;
  for (const char protocol : {2, 3, 4, 5}) pickles.push_back(pickle_creating(ran, protocol));
  // torch.save's, before version 1.6 and since
  pickles.push_back(std::string("\x80\2\x8a\nl\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.") + pickles.front());
  pickles.push_back(std::string("PK\3\4\0\0\b\b", 8) + std::string(22, '\0') + "model/data.pkl" + pickles.front());
  for (const std::string& bytes : pickles) {
    try {
      load(bytes);
      ADD_FAILURE() << "read " << bytes;
    } catch (const CheckpointError& error) {
      EXPECT_THAT(error.what(), testing::AllOf(HasSubstr(file().string() + ": is a pickle"),
                                               HasSubstr("torch.load('" + file().string() + "', weights_only=True)")));
    }
  }
  EXPECT_FALSE(std::filesystem::exists(ran));
}

TEST_F(Safetensors, AHeaderWhoseLengthLooksLikeAPickleIsRead) {
  for (const std::size_t length : {0x0280u, 0x0380u, 0x0480u, 0x0580u}) {
    std::string header = one("F32", "[1]", "[0,4]");
    header.resize(length, ' ');
    const SafetensorsFile read = load(with_length(header, "abcd"));
    EXPECT_NE(read.find("w"), nullptr) << length;
  }
}

TEST_F(Safetensors, WhatIsNoFileIsRefused) {
  EXPECT_THROW(SafetensorsFile::read(folder_.path()), CheckpointError);
  EXPECT_THROW(SafetensorsFile::read(folder_.path() / "nothing"), CheckpointError);
}

TEST_F(Safetensors, SmallestFilesAreRead) {
  const SafetensorsFile nothing = load(with_length("{}", ""));
  EXPECT_TRUE(nothing.tensors().empty());
  const SafetensorsFile empty = load(with_length(one("F32", "[0,5]", "[0,0]"), ""));
  EXPECT_EQ(empty.tensors().at(0).shape, (std::vector<std::int64_t>{0, 5}));
  const SafetensorsFile scalar = load(with_length(one("F32", "[]", "[0,4]"), "abcd"));
  EXPECT_TRUE(scalar.tensors().at(0).shape.empty());
}

TEST_F(Safetensors, RandomDamageIsRefusedOrHarmless) {
  const std::string whole = with_length(two("[0,4]", "[4,8]"), "AAAABBBB");
  std::mt19937_64 draw(7);
  for (int trial = 0; trial < 5000; ++trial) {
    std::string bytes = whole;
    for (std::size_t i = 0, count = 1 + draw() % 4; i < count; ++i)
      bytes[draw() % bytes.size()] = static_cast<char>(draw());
    try {
      const SafetensorsFile read = load(bytes);
      for (const NamedTensor& tensor : read.tensors())  // every byte it hands out can be read
        for (const std::byte byte : tensor.bytes) ASSERT_LE(static_cast<int>(byte), 255);
    } catch (const CheckpointError&) {
    }
  }
}

}  // namespace
}  // namespace quasar
