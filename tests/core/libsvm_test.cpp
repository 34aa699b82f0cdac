#include "core/libsvm.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "core/random.h"
#include "tests/distributed/temporary_folder.h"

namespace quasar {
namespace {

LabelledRows read(const std::string& text) {
  static const TemporaryFolder folder;
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

using Entries = std::vector<std::pair<Eigen::Index, double>>;

/// A row's entries, which must be finite numbers in ascending columns of the matrix.
Entries entries_of(const SparseRows& features, Eigen::Index row) {
  Entries entries;
  Eigen::Index last = -1;
  for (SparseRows::InnerIterator entry(features, row); entry; ++entry) {
    EXPECT_GT(entry.col(), last);
    EXPECT_LT(entry.col(), features.cols());
    EXPECT_TRUE(std::isfinite(entry.value()));
    last = entry.col();
    entries.emplace_back(last, entry.value());
  }
  return entries;
}

/// 40 rows of labels in every form, and of up to 6 entries.
std::string valid_file() {
  const std::string labels[] = {"+1", "-1", "0.25", "-3e-2"}, values[] = {"1", "0.5", "-2e-3", "+7", "12.75"};
  std::string text;
  for (std::uint32_t row = 0; row < 40; ++row) {
    const Words random = words({.seed = 5, .use = Use::toy_noise, .replica = 0, .step = row});
    text += labels[random.w[0] % 4];
    std::uint32_t column = 0;
    for (std::uint32_t i = 0; i < random.w[1] % 7; ++i) {
      column += 1 + (random.w[2] >> (4 * i)) % 300;
      text += (i % 2 ? "\t" : " ") + std::to_string(column) + ":" + values[(random.w[3] >> (4 * i)) % 5];
    }
    text += row % 5 == 0 ? " \r\n" : "\n";
  }
  return text;
}

/// Reads damaged text; true if it was accepted. Only the row of the damage may have changed, and only it may be blamed.
bool accepts(const std::string& damaged, Eigen::Index row, bool cut, const LabelledRows& whole) {
  try {
    const auto [features, labels] = read(damaged);
    EXPECT_EQ(labels.size(), features.rows());
    EXPECT_TRUE(labels.allFinite());
    const bool begins_a_row = damaged.back() == '\n';
    EXPECT_EQ(features.rows(), cut ? row + (begins_a_row ? 0 : 1) : whole.features.rows());
    for (Eigen::Index i = 0; i < features.rows(); ++i) {
      const Entries entries = entries_of(features, i);
      if (i == row) continue;
      EXPECT_EQ(labels[i], whole.labels[i]);
      EXPECT_EQ(entries, entries_of(whole.features, i));
    }
    return true;
  } catch (const DataError& error) {
    const std::string line = "some.libsvm: line " + std::to_string(row + 1) + ": ";
    EXPECT_THAT(error.what(), testing::HasSubstr(cut && row == 0 ? "some.libsvm: " : line));
    return false;
  }
}

TEST(Libsvm, CutOrFlippedAnywhereIsRefusedByItsLineOrLeavesTheOtherRowsAlone) {  // I3
  const std::string good = valid_file();
  const LabelledRows whole = read(good);
  int accepted_cuts = 0, accepted_flips = 0;
  constexpr int kPlaces = 500;
  for (std::uint64_t trial = 0; trial < kPlaces; ++trial) {
    const Words random = words({.seed = 6, .use = Use::toy_noise, .replica = 0, .step = trial});
    const std::size_t place = uniform_below(random.w[0], static_cast<std::uint32_t>(good.size()));
    const auto end = good.begin() + static_cast<std::ptrdiff_t>(place);
    const Eigen::Index row = std::count(good.begin(), end, '\n');
    SCOPED_TRACE("byte " + std::to_string(place) + ", bit " + std::to_string(random.w[1] >> 29));
    accepted_cuts += accepts(good.substr(0, place), row, true, whole);
    std::string flipped = good;
    flipped[place] = static_cast<char>(flipped[place] ^ static_cast<char>(1u << (random.w[1] >> 29)));
    accepted_flips += accepts(flipped, row, false, whole);
  }
  // Digits become other digits, and much of a line is a line; but most bytes have no meaning there.
  EXPECT_GT(accepted_cuts, kPlaces / 10);
  EXPECT_LT(accepted_cuts, kPlaces);
  EXPECT_GT(accepted_flips, kPlaces / 10);
  EXPECT_LT(accepted_flips, kPlaces * 2 / 3);
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
