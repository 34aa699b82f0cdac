#include "core/libsvm.h"

#include "tests/fuzz/fuzz.h"

namespace quasar::fuzz {

std::vector<std::string> seeds() {
  return {"+1 1:0.5 3:-2e-3 4:1 \n-1 2:1\n", "0.25 7:1\r\n-3\n1e2 1:+4\t9:0", "1 2147483647:1\n", "1\n2\n"};
}

void parse(const std::string& input) {
  static const InputFile file("rows.libsvm");
  const LabelledRows rows = read_libsvm(file.holding(input));
  if (rows.labels.size() != rows.features.rows() || !rows.labels.allFinite())
    throw std::logic_error("the labels are not those of the rows");
  for (int i = 0; i < rows.features.rows(); ++i) {
    Eigen::Index last = -1;
    for (SparseRows::InnerIterator entry(rows.features, i); entry; ++entry) {
      if (entry.col() <= last || entry.col() >= rows.features.cols())
        throw std::logic_error("a column is out of order");
      last = entry.col();
    }
  }
}

}  // namespace quasar::fuzz
