#include "core/libsvm.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "tests/distributed/temporary_folder.h"

namespace quasar {
namespace {

LabelledRows read(const std::string& text) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "some.libsvm";
  std::ofstream(file, std::ios::binary) << text;
  return read_libsvm(file);
}

TEST(Libsvm, ReadsLabelsAndEntries) {
  const auto [features, labels] = read("+1 1:0.5 4:-2e-3\r\n-1\n0.25 2:+1\t3:7  \n");
  EXPECT_EQ(labels, Eigen::Vector3d(1.0, -1.0, 0.25));
  Eigen::MatrixXd expected = Eigen::MatrixXd::Zero(3, 4);
  expected << 0.5, 0, 0, -2e-3, 0, 0, 0, 0, 0, 1, 7, 0;
  EXPECT_EQ(Eigen::MatrixXd(features), expected);
  EXPECT_EQ(features.nonZeros(), 4);
}

TEST(Libsvm, ALastLineMayHaveNoEnd) { EXPECT_EQ(read("1 1:1\n2 1:3").features.coeff(1, 0), 3.0); }

TEST(Libsvm, TakesNoMemoryForColumnsWithoutEntries) { EXPECT_EQ(read("1 2147483647:5\n").features.nonZeros(), 1); }

TEST(Libsvm, RefusesDamageNamingFileLineAndExpectation) {
  struct Case {
    const char* what;
    std::string text;
    std::vector<std::string> message;
  };
  const std::vector<Case> cases = {
      {"empty file", "", {"has no features"}},
      {"labels alone", "1\n-1\n", {"has no features"}},
      {"empty line", "1 1:1\n\n", {"line 2", "expected a label", "empty"}},
      {"no label", "1:1 2:1\n", {"line 1", "expected a label", "'1:1'"}},
      {"leading blank", "1 1:1\n 1 1:1\n", {"line 2", "expected a label"}},
      {"word as label", "1 1:1\nspam 1:1\n", {"line 2", "'spam'"}},
      {"index 0", "1 0:1\n", {"line 1", "index 0", "1 to 2147483647"}},
      {"negative index", "1 -3:1\n", {"line 1", "index -3"}},
      {"huge index", "1 2147483648:1\n", {"line 1", "index 2147483648"}},
      {"index beyond 64 bits", "1 99999999999999999999:1\n", {"line 1", "expected index:value"}},
      {"descending", "1 1:1\n1 1:1 3:1 2:1\n", {"line 2", "2 follows 3", "ascend"}},
      {"twice", "1 2:1 2:1\n", {"2 follows 2"}},
      {"no colon", "1 2 3:1\n", {"expected index:value", "'2'"}},
      {"no value", "1 2: 3:1\n", {"value of index 2"}},
      {"no value at the end", "1 2:", {"value of index 2", "''"}},
      {"not a number", "1 2:nan\n", {"value of index 2", "'nan'"}},
      {"infinite", "inf 2:1\n", {"expected a label", "'inf'"}},
      {"overflow", "1 2:1e999\n", {"value of index 2", "'1e999'"}},
      {"two signs", "+-1 2:1\n", {"expected a label", "'+-1'"}},
      {"comma", "1 2:1,5\n", {"value of index 2", "'1,5'"}},
      {"comment", "1 2:1 # spam\n", {"expected index:value", "'#'"}},
      {"binary", std::string("\x1f\x8b\x08\0", 4) + "\n", {"line 1", "expected a label"}},
  };
  for (const auto& [what, text, message] : cases) {
    try {
      read(text);
      ADD_FAILURE() << what << " was accepted";
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("some.libsvm: ")) << what;
      for (const std::string& part : message) EXPECT_THAT(error.what(), testing::HasSubstr(part)) << what;
    }
  }
}

TEST(Libsvm, MissingFileIsNamed) {
  try {
    read_libsvm("/nowhere/at/all");
    FAIL();
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("/nowhere/at/all: cannot be opened"));
  }
}

}  // namespace
}  // namespace quasar
