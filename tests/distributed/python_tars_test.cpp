// Archives that Python's tarfile wrote, in its three formats.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/errors.h"
#include "core/subprocess.h"
#include "distributed/data/tar_shards.h"
#include "tests/distributed/temporary_folder.h"

namespace quasar {
namespace {

class PythonTars : public testing::Test {
 protected:
  void SetUp() override {
    const std::string script = QUASAR_SOURCE_DIR "/tests/distributed/python_tars.py";
    const int code = run_subprocess({python_interpreter(), script, folder_.path()});
    if (code == 127) GTEST_SKIP() << python_interpreter() << " cannot be started";
    ASSERT_EQ(code, 0);
  }
  std::filesystem::path file(const std::string& name) const { return folder_.path() / (name + ".tar"); }

  /// Compares labels and, by their offsets, photographs with those that python_tars.py writes.
  void expect_samples(const std::string& name, const std::vector<std::string>& keys) const {
    const auto samples = index_tar(file(name));
    ASSERT_EQ(samples.size(), keys.size()) << name;
    std::ifstream stream(file(name), std::ios::binary);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      EXPECT_EQ(samples[i].key, keys[i]) << name;
      EXPECT_EQ(samples[i].label, static_cast<int>(i)) << name;
      std::string bytes(static_cast<std::size_t>(samples[i].bytes), ' ');
      stream.seekg(samples[i].offset).read(bytes.data(), samples[i].bytes);
      EXPECT_EQ(bytes, "photograph " + std::string(600 * i, 'x')) << name;
    }
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(PythonTars, OfTheThreeFormatsHoldTheSameSamples) {
  std::string deep;
  for (int i = 0; i < 25; ++i) deep += "deep/";
  const std::vector<std::string> keys = {"a", "some folder/b", deep + "c", "./with.dots.in it/d"};
  for (const char* format : {"ustar", "gnu", "pax"}) expect_samples(format, keys);
}

TEST_F(PythonTars, MayHaveLongNamesNamesBeyondAsciiAndLargeNumbers) {
  for (const char* name : {"gnu-wide", "pax-wide"})
    expect_samples(name, {std::string(300, 'n'),
                          "Gr\xc3\xb6\xc3\x9f"
                          "e/\xe7\x8c\xab"});
}

TEST_F(PythonTars, MembersThatAreNoPlainFilesAreRefusedByName) {
  const std::pair<std::string, std::string> reasons[] = {{"symlink", "is a link"},
                                                         {"hardlink", "is a link"},
                                                         {"fifo", "is a device, pipe or socket"},
                                                         {"device", "is a device, pipe or socket"},
                                                         {"sparse", "is sparse"}};
  for (const std::string format : {"ustar", "gnu", "pax"})
    for (const auto& [what, reason] : reasons) {
      if (format == "ustar" && what == "sparse") continue;
      try {
        index_tar(file(format + "-" + what));
        ADD_FAILURE() << format << ", " << what << ": accepted";
      } catch (const DataError& error) {
        EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("-" + what + ".tar: at byte "),
                                                 testing::HasSubstr("odd.jpg: " + reason)));
      }
    }
}

}  // namespace
}  // namespace quasar
