#include "experiments/question_text.h"

#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cstdio>

namespace quasar {

std::string print(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

double chi_square_p_value(double chi_square, double degrees_of_freedom) {
  return boost::math::gamma_q(degrees_of_freedom / 2.0, chi_square / 2.0);
}

double student_t_quantile(double probability, double degrees_of_freedom) {
  return boost::math::quantile(boost::math::students_t(degrees_of_freedom), probability);
}

Settings independent_part(const RunOptions& run, const std::string& name, std::size_t index) {
  constexpr std::uint64_t kPartsPerSeed = 10000;
  RunOptions own = run;
  own.seed = run.seed * kPartsPerSeed + index;
  return part_settings(own, name);
}

}  // namespace quasar
