#include "distributed/data/tar_shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "core/errors.h"
#include "core/random.h"
#include "distributed/checkpoint/sha256.h"
#include "tests/distributed/tar_corpus.h"
#include "tests/distributed/temporary_folder.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_text(const fs::path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

std::vector<TarMember> samples(int first, int count) {
  std::vector<TarMember> members;
  for (int i = first; i < first + count; ++i) {
    const std::string key = "some folder/k" + std::to_string(i);
    members.push_back({.name = key + ".cls", .bytes = std::to_string(i % 7) + "\n"});
    members.push_back({.name = key + ".jpg", .bytes = "photograph " + std::string(static_cast<std::size_t>(i), 'x')});
    members.push_back({.name = key + ".json", .bytes = "{}"});
  }
  return members;
}

/// A folder with two shards of 5 and 4 samples in train.
class Shards {
 public:
  Shards() {
    write_tar(first(), samples(0, 5));
    write_tar(second(), samples(5, 4));
  }
  fs::path first() const { return folder_.path() / "train/000.tar"; }
  fs::path second() const { return folder_.path() / "train/001.tar"; }
  const fs::path& root() const { return folder_.path(); }

  void write_index(const std::string& second_bytes, const std::string& second_samples,
                   const std::string& sha256) const {
    write_text(root() / "train/index.json",
               R"({"shards": [{"name": "000.tar", "bytes": )" + std::to_string(fs::file_size(first())) +
                   R"(, "samples": 5}, {"name": "001.tar", "bytes": )" + second_bytes + R"(, "samples": )" +
                   second_samples + R"(, "sha256": ")" + sha256 + R"("}]})");
  }

  std::string error() const {
    try {
      open_tar_shards(root(), Split::train);
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  }

 private:
  TemporaryFolder folder_;
};

TEST(TarShards, SamplesAreReadByTheirOffsetInShardOrder) {
  const Shards shards;
  const auto set = open_tar_shards(shards.root(), Split::train);
  ASSERT_EQ(set->count(), 9);
  EXPECT_EQ(set->classes(), 7);
  for (const std::int64_t sample : {8, 0, 4, 5, 2}) {
    std::vector<std::uint8_t> bytes;
    set->fetch(sample, bytes);
    EXPECT_EQ(std::string(bytes.begin(), bytes.end()),
              "photograph " + std::string(static_cast<std::size_t>(sample), 'x'));
    EXPECT_EQ(set->label(sample), sample % 7);
  }
  EXPECT_THAT(set->place(6),
              testing::AllOf(testing::HasSubstr("001.tar: at byte "), testing::EndsWith("some folder/k6")));
}

TEST(TarShards, IdentityDependsOnNamesSizesAndLabelsNotOnShardsOrPlaces) {
  const Shards shards, same;
  const auto identity = open_tar_shards(shards.root(), Split::train)->identity();
  EXPECT_EQ(open_tar_shards(same.root(), Split::train)->identity(), identity);
  write_tar(shards.first(), samples(0, 6));
  write_tar(shards.second(), samples(6, 3));
  EXPECT_EQ(open_tar_shards(shards.root(), Split::train)->identity(), identity);
  auto members = samples(6, 3);
  members[0].bytes = "3\n";
  write_tar(shards.second(), members);
  EXPECT_NE(open_tar_shards(shards.root(), Split::train)->identity(), identity);
}

TEST(TarShards, AnIndexIsCompared) {
  const Shards shards;
  const std::string bytes = std::to_string(fs::file_size(shards.second())), sha256 = sha256_of_file(shards.second());
  shards.write_index(bytes, "4", sha256);
  EXPECT_EQ(shards.error(), "");
  shards.write_index("1", "4", sha256);
  EXPECT_THAT(shards.error(), testing::HasSubstr("001.tar: has " + bytes + " bytes, index.json says 1"));
  shards.write_index(bytes, "3", sha256);
  EXPECT_THAT(shards.error(), testing::HasSubstr("001.tar: holds 4 samples, index.json says 3"));
  for (const std::string count : {"4.0", "-4", "true", "\"4\"", "1e30", "99999999999999999999", "null", "[4]"}) {
    shards.write_index(bytes, count, sha256);
    EXPECT_THAT(shards.error(), testing::HasSubstr("index.json: is no index of shards (")) << count;
  }
  shards.write_index(bytes, R"(3}, {"name": "001.tar", "bytes": )" + bytes + R"(, "samples": 4)", sha256);
  EXPECT_THAT(shards.error(), testing::HasSubstr("index.json: lists 001.tar twice"));
  shards.write_index(bytes, "4", std::string(64, '0'));
  EXPECT_THAT(shards.error(), testing::HasSubstr("001.tar: its SHA-256 is not the one in index.json"));
  shards.write_index(bytes, "4", sha256);
  const std::string first = text_of(shards.first()), second = text_of(shards.second());
  write_text(shards.first(), second);
  write_text(shards.second(), first);
  EXPECT_NE(shards.error(), "") << "swapped";
  write_text(shards.first(), first);
  fs::remove(shards.second());
  EXPECT_THAT(shards.error(), testing::HasSubstr("001.tar: is missing, but in index.json"));
  write_text(shards.second(), second);
  write_text(shards.root() / "train/002.tar", second);
  EXPECT_THAT(shards.error(), testing::HasSubstr("002.tar: is not in index.json"));
  write_text(shards.root() / "train/index.json", "[]");
  EXPECT_THAT(shards.error(), testing::HasSubstr("is no index of shards"));
  fs::remove(shards.root() / "train/index.json");
  fs::create_directory(shards.root() / "train/index.json");
  EXPECT_THAT(shards.error(), testing::HasSubstr("index.json: is no file"));
}

std::string error_of(const std::vector<TarMember>& members) {
  const TemporaryFolder folder;
  write_tar(folder.path() / "in/a.tar", members);
  std::string message;
  try {
    index_tar(folder.path() / "in/a.tar");
  } catch (const DataError& error) {
    message = error.what();
  }
  EXPECT_EQ(std::distance(fs::recursive_directory_iterator(folder.path()), {}), 2) << "something was written";
  return message;
}

TEST(TarIndex, WhatIsNoPlainFileInTheArchiveIsRefusedByNameAndNothingIsWritten) {
  const auto refused = [](const TarMember& member, const std::string& why) {
    std::vector<TarMember> members = samples(0, 2);
    members.push_back(member);
    EXPECT_THAT(error_of(members), testing::AllOf(testing::HasSubstr("a.tar: at byte "),
                                                  testing::HasSubstr(member.name), testing::HasSubstr(why)));
  };
  EXPECT_EQ(error_of(samples(0, 2)), "");
  refused({.name = "../up.jpg", .bytes = "x"}, "has a name with ..");
  refused({.name = "a/../../up.jpg", .bytes = "x"}, "has a name with ..");
  refused({.name = "/absolute.jpg", .bytes = "x"}, "has an absolute name");
  refused({.name = "soft.jpg", .type = AE_IFLNK, .link = "/etc/passwd"}, "is a link");
  refused({.name = "hard.jpg", .type = AE_IFREG, .link = "some folder/k0.jpg"}, "is a link");
  refused({.name = "device.jpg", .type = AE_IFCHR}, "is a device");
  refused({.name = "pipe.jpg", .type = AE_IFIFO}, "is a device");
  refused({.name = "holes.jpg", .bytes = std::string(4096, 'x'), .sparse = true}, "is sparse");
  refused({.name = "second/k1.cls", .bytes = std::string(17, '1')}, "a class is a number of a few digits");
  EXPECT_EQ(error_of({{.name = "folder", .type = AE_IFDIR}, {.name = "README", .bytes = "x"}}), "");
}

TEST(TarIndex, IncompleteAndDoubledSamplesAreRefused) {
  const TarMember photo{.name = "k.jpg", .bytes = "x"}, label{.name = "k.cls", .bytes = "3"};
  EXPECT_EQ(error_of({photo, label}), "");
  EXPECT_THAT(error_of({photo}), testing::HasSubstr("k: the sample has a photograph, but no .cls"));
  EXPECT_THAT(error_of({label}), testing::HasSubstr("k: the sample has a class, but no .jpg"));
  EXPECT_THAT(error_of({photo, photo, label}), testing::HasSubstr("k.jpg: the sample has a second photograph"));
  EXPECT_THAT(error_of({photo, label, label}), testing::HasSubstr("k.cls: the sample has a second class"));
  for (const std::string bad : {"", "cat", "-1", "65536", "1 2", "0x1", "99999999999999"})
    EXPECT_THAT(error_of({photo, {.name = "k.cls", .bytes = bad}}), testing::HasSubstr("does not hold a class")) << bad;
}

TEST(TarIndex, WhatIsNoTarFileIsRefusedAtItsFirstByte) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "a.tar";
  for (const std::string& bytes : {std::string("text"), std::string(2000, 'x'), std::string("\x1f\x8b\x08") + "gzip"}) {
    write_text(file, bytes);
    try {
      index_tar(file);
      ADD_FAILURE() << "accepted " << bytes;
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("a.tar: at byte 0: is no tar file"));
    }
  }
}

TEST(TarIndex, DeclaredSizesAreComparedWithTheFile) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "a.tar";
  write_tar(file, samples(0, 1));
  const std::string good = text_of(file);
  const auto error_with_size = [&](const std::string& octal) {
    std::string bytes = good;
    const std::size_t header = 1024;  // of the photograph, after the class's header and its block
    bytes.replace(header + 124, 12, octal + std::string(1, '\0'));
    bytes.replace(header + 148, 8, 8, ' ');
    unsigned sum = 0;
    for (std::size_t i = header; i < header + 512; ++i) sum += static_cast<std::uint8_t>(bytes[i]);
    char text[8];
    std::snprintf(text, sizeof text, "%06o", sum);
    bytes.replace(header + 148, 7, text, 7);
    write_text(file, bytes);
    try {
      index_tar(file);
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(error_with_size("00000000013"), "");
  EXPECT_THAT(error_with_size("00000777777"),
              testing::HasSubstr("k0.jpg: has 262143 bytes, more than the file has left"));
  EXPECT_THAT(error_with_size("77777777777"), testing::HasSubstr("k0.jpg: has 8589934591 bytes; a member has at most"));
}

TEST(TarIndex, CutOrFlippedAnywhereIsRefusedOrLeavesOtherSamplesAlone) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "a.tar";
  write_tar(file, samples(0, 6));
  const std::string good = text_of(file);
  const auto whole = index_tar(file);
  int refused = 0;
  for (std::uint64_t trial = 0; trial < 500; ++trial) {
    const Words random = words({.seed = 6, .use = Use::toy_noise, .replica = 0, .step = trial});
    std::string bytes = good;
    std::size_t place = uniform_below(random.w[0], static_cast<std::uint32_t>(good.size()));
    const bool cut = trial % 2 == 0;
    if (cut)
      bytes.resize(trial % 4 == 0 ? place / 512 * 512 : place);
    else
      bytes[place] = static_cast<char>(bytes[place] ^ static_cast<char>(1u << (random.w[1] >> 29)));
    write_text(file, bytes);
    try {
      const auto found = index_tar(file);
      // The padding after the two blocks of zeros may be cut.
      if (cut) {
        ASSERT_GE(bytes.size(), static_cast<std::size_t>(whole.back().offset + 512 + 1024));
      }
      ASSERT_EQ(found.size(), whole.size());
      int changed = 0;
      for (std::size_t i = 0; i < whole.size(); ++i) {
        EXPECT_EQ(found[i].offset, whole[i].offset);
        changed += found[i].label != whole[i].label || found[i].key != whole[i].key;
      }
      EXPECT_LE(changed, 1);
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(file.string()));
      ++refused;
    }
  }
  EXPECT_GT(refused, 200);
}

TEST(TarShards, AFolderWithoutShardsIsNamed) {
  const TemporaryFolder folder;
  const auto error = [&] {
    try {
      open_tar_shards(folder.path(), Split::train);
    } catch (const DataError& caught) {
      return std::string(caught.what());
    }
    return std::string();
  };
  EXPECT_THAT(error(), testing::HasSubstr("train: cannot be read"));
  fs::create_directories(folder.path() / "train");
  EXPECT_THAT(error(), testing::HasSubstr("holds no .tar file"));
}

}  // namespace
}  // namespace quasar
