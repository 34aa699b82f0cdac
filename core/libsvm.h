#pragma once

#include <filesystem>

#include <Eigen/Dense>
#include <Eigen/Sparse>

namespace quasar {

using SparseRows = Eigen::SparseMatrix<double, Eigen::RowMajor>;

/// Rows of features with a number each, as a file in LIBSVM's text format holds them.
struct LabelledRows {
  SparseRows features;     ///< rows x largest index
  Eigen::VectorXd labels;  ///< as they stand in the file
};

/// Reads a file of lines `label index:value index:value ...` (Chang and Lin 2011, ACM TIST 2, 27).
///
/// Indices start at 1 and ascend; entries are divided by blanks, lines may end in blanks or a carriage return. A row
/// may have no entry, a file must have one.
/// throws  DataError naming file, line and what was expected there; memory is taken as the file is read, up to 2^31 - 1
///         entries
/// Not checked: what the labels mean.
LabelledRows read_libsvm(const std::filesystem::path& file);

}  // namespace quasar
