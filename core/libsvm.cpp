#include "core/libsvm.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "core/errors.h"

namespace quasar {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<int>::max();

/// What is left of a line, with its place for messages.
class Line {
 public:
  Line(const std::filesystem::path& file, std::int64_t number, const std::string& text)
      : file_(file), number_(number), at_(text.data()), end_(at_ + text.size()) {
    while (end_ > at_ && (end_[-1] == ' ' || end_[-1] == '\t' || end_[-1] == '\r')) --end_;
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw DataError(file_.string() + ": line " + std::to_string(number_) + ": " + problem);
  }
  bool is_over() const { return at_ == end_; }
  void skip_blanks() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t')) ++at_;
  }
  /// The next character is this one; it is passed over.
  bool takes(char wanted) {
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }

  double number(const std::string& what) {
    const char* const start = at_;
    takes('+');  // which from_chars refuses, and files of labels +1 have
    double value = 0.0;
    const auto [after, error] = std::from_chars(at_, end_, value);
    const bool signed_twice = at_ != start && at_ < end_ && *at_ == '-';
    if (error != std::errc() || signed_twice || !std::isfinite(value) || !ends_word(after))
      fail("expected " + what + ", found '" + word(start) + "'");
    at_ = after;
    return value;
  }

  std::int64_t index(std::int64_t last) {
    const char* const start = at_;
    std::int64_t value = 0;
    const auto [after, error] = std::from_chars(at_, end_, value);
    if (error != std::errc() || after == end_ || *after != ':')
      fail("expected index:value, found '" + word(start) + "'");
    if (value < 1 || value > kLargest) fail("the index " + std::to_string(value) + " is not in 1 to 2147483647");
    if (value <= last)
      fail("the index " + std::to_string(value) + " follows " + std::to_string(last) + "; indices must ascend");
    at_ = after + 1;
    return value;
  }

 private:
  bool ends_word(const char* place) const { return place == end_ || *place == ' ' || *place == '\t'; }
  /// The word at a place, cut to what fits a message.
  std::string word(const char* from) const {
    constexpr std::ptrdiff_t kMost = 40;
    const char* to = from;
    while (!ends_word(to) && to - from < kMost) ++to;
    return {from, to};
  }

  const std::filesystem::path& file_;
  std::int64_t number_;
  const char* at_;
  const char* end_;
};

}  // namespace

LabelledRows read_libsvm(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw DataError(file.string() + ": cannot be opened");
  std::vector<double> labels, values;
  std::vector<int> columns, first_entry{0};
  std::int64_t largest = 0;
  std::string text;
  for (std::int64_t number = 1; std::getline(stream, text); ++number) {
    Line line(file, number, text);
    if (line.is_over()) line.fail("expected a label, the line is empty");
    labels.push_back(line.number("a label"));
    std::int64_t last = 0;
    for (line.skip_blanks(); !line.is_over(); line.skip_blanks()) {
      last = line.index(last);
      columns.push_back(static_cast<int>(last - 1));
      values.push_back(line.number("the value of index " + std::to_string(last)));
    }
    largest = std::max(largest, last);
    if (static_cast<std::int64_t>(values.size()) > kLargest || number > kLargest)
      line.fail("more than 2^31 - 1 entries");
    first_entry.push_back(static_cast<int>(values.size()));
  }
  if (stream.bad()) throw DataError(file.string() + ": could not be read to the end");
  if (largest == 0)
    throw DataError(file.string() + ": has no features; is it a file of `label index:value ...` lines?");
  const auto rows = static_cast<Eigen::Index>(labels.size());
  // Filled by hand: Eigen's assignment would take memory for as many entries as there are columns.
  LabelledRows result{SparseRows(rows, largest), Eigen::Map<const Eigen::VectorXd>(labels.data(), rows)};
  result.features.resizeNonZeros(static_cast<Eigen::Index>(values.size()));
  std::copy(first_entry.begin(), first_entry.end(), result.features.outerIndexPtr());
  std::copy(columns.begin(), columns.end(), result.features.innerIndexPtr());
  std::copy(values.begin(), values.end(), result.features.valuePtr());
  return result;
}

}  // namespace quasar
