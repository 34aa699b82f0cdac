#pragma once

#include <string>

#include "experiments/part_runs.h"

namespace quasar {

/// A number as printf writes it.
std::string print(const char* format, double value);

/// Probability that chi-square with this many degrees of freedom is at least as large.
double chi_square_p_value(double chi_square, double degrees_of_freedom);

/// The value that Student's t with this many degrees of freedom stays below with this probability.
double student_t_quantile(double probability, double degrees_of_freedom);

/// part_settings with a seed of its own, so that the parts of a question are independent.
Settings independent_part(const RunOptions& run, const std::string& name, std::size_t index);

}  // namespace quasar
